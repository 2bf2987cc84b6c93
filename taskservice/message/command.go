package message

// Command is what an operator asks of a provider, on the topic `context`:
// action start, stop, restart or exit on the tasks in its configuration.
type Command struct {
	Header           Header
	Configuration    map[string]any // content.configuration
	HasConfiguration bool           // whether there was one; exit needs none
}

// Frame is the message as it goes onto the bus.
func (c Command) Frame() ([]byte, error) {
	content := map[string]any{}
	if c.HasConfiguration || c.Configuration != nil {
		configuration := c.Configuration
		if configuration == nil {
			configuration = map[string]any{}
		}
		content["configuration"] = configuration
	}
	return Frame(TopicContext, map[string]any{
		"header":  c.Header.object(),
		"content": content,
	})
}

// ParseCommand reads a payload of the topic `context`. All four keys of the
// header and `content` are required, and the service_id may not be empty; the
// error names the key. What could be read is in the result also then: a
// rejection is answered to the transaction that it came with.
func ParseCommand(payload []byte) (Command, error) {
	r := reader{topic: TopicContext}
	o := r.decode(payload)
	if r.err != nil {
		return Command{}, r.err
	}
	var c Command
	c.Header = r.header(r.object(o, "", "header"), "header.", keyServiceTransaction)
	if c.Header.ServiceID == "" {
		r.fail("header."+keyServiceID, "is empty")
	}
	if content := r.object(o, "", "content"); content != nil {
		if _, c.HasConfiguration = content["configuration"]; c.HasConfiguration {
			c.Configuration = r.object(content, "content.", "configuration")
		}
	}
	return c, r.err
}
