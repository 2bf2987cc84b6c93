package probe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// client asks without a proxy, whatever the environment says (what a probe asks is
// near), keeps no connection, and follows no redirect: 3xx is an answer.
var client = &http.Client{
	Transport: &http.Transport{
		Proxy:             func(*http.Request) (*url.URL, error) { return nil, nil },
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// get succeeds with a status of 200 to 399.
func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "zmicroservices-probe")
	resp, err := client.Do(req)
	if err != nil {
		return err // it names method and URL
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}

// dial succeeds when a connection is accepted.
func dial(ctx context.Context, address string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}
