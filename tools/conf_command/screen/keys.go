package screen

import (
	tea "charm.land/bubbletea/v2"
)

// key takes a key that was pressed.
func (s *Screen) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.Keystroke()
	if k.Text != "" {
		name = k.Text // as the keyboard has it, not where the key is
	}
	switch {
	case name == "ctrl+c":
		return tea.Quit
	case name == "ctrl+z":
		return tea.Suspend
	case s.confirm != nil:
		return s.answer(name)
	case s.typing:
		s.typed(name, k.Text)
		return nil
	case s.help:
		s.help = false
		return nil
	}
	s.note, s.bad = "", false
	return s.command(name)
}

// command does what a key says while nothing is asked.
func (s *Screen) command(name string) tea.Cmd {
	if by, ok := map[string]string{
		"n": titleName, "e": titleState, "u": titleUp, "R": titleRestarts,
		"c": titleCPU, "m": titleRSS, "d": titleFDs, "C": titleConns, "o": "",
	}[name]; ok {
		s.sortBy(by)
		return nil
	}
	if to, ok := map[string]int{
		"up": s.at() - 1, "k": s.at() - 1, "down": s.at() + 1, "j": s.at() + 1,
		"home": 0, "g": 0, "end": len(s.rows) - 1, "G": len(s.rows) - 1,
		"pgup": s.at() - s.tableHeight(), "pgdown": s.at() + s.tableHeight(),
	}[name]; ok {
		s.move(to)
		return nil
	}
	switch name {
	case "q":
		return tea.Quit
	case "esc":
		s.filter = ""
		s.arrange()
	case "/":
		s.typing = true
	case "?", "h":
		s.help = true
	case "t":
		s.tree = !s.tree
		s.arrange()
	case "a":
		s.all = !s.all
		s.arrange()
	case "l":
		s.wide = !s.wide
	case "p", " ", "space":
		s.frozen = !s.frozen
	case "s":
		s.ask("start")
	case "x":
		s.ask("stop")
	case "r":
		s.ask("restart")
	}
	return nil
}

// sortBy sorts by a column, and the other way round the second time.
func (s *Screen) sortBy(title string) {
	s.order = sorting{by: title, reverse: s.order.by == title && !s.order.reverse}
	s.arrange()
}

// ask begins an order: it wants a yes.
func (s *Screen) ask(action string) {
	if s.at() < 0 || s.lost != nil {
		return
	}
	s.confirm = &Order{Action: action, Key: s.cursor.Key}
}

// answer is what was said to that.
func (s *Screen) answer(name string) tea.Cmd {
	order := *s.confirm
	s.confirm = nil
	if name != "y" && name != "Y" {
		s.note = "nothing done"
		return nil
	}
	s.note = order.Action + " " + string(order.Task) + " …"
	return s.opts.Do(order)
}

// typed takes a letter of the filter.
func (s *Screen) typed(name, text string) {
	switch name {
	case "enter":
		s.typing = false
	case "esc":
		s.typing, s.filter = false, ""
	case "backspace":
		if letters := []rune(s.filter); len(letters) > 0 {
			s.filter = string(letters[:len(letters)-1])
		}
	case "ctrl+u":
		s.filter = ""
	case "up", "down", "pgup", "pgdown":
		s.command(name)
	default:
		s.filter += clean(text)
	}
	s.arrange()
}
