package engine

import (
	"log/slog"
	"sync"
)

// health says once that the registry is away, and once that it is back.
type health struct {
	mu   sync.Mutex // guards away
	away bool
}

func (h *health) bad(log *slog.Logger, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.away {
		log.Error("registry is away: what is known is in memory alone", "err", err)
	}
	h.away = true
}

func (h *health) good(log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		log.Info("registry is back")
	}
	h.away = false
}
