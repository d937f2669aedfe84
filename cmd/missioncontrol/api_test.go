package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// api calls a server the way its clients do.
type api struct {
	base, token string
	http        *http.Client
}

func newAPI(t testing.TB, addr string) api {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return api{"http://" + addr, testToken, &http.Client{Transport: transport, Timeout: patience}}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into decodes the body.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// call sends a request; key "" sends no Idempotency-Key.
func (a api) call(ctx context.Context, method, path, key string, body any) (answer, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1"+path, content)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, text}, err
}

// ok sends a request that must succeed.
func (a api) ok(t testing.TB, method, path string, body any) answer {
	t.Helper()
	got, err := a.call(t.Context(), method, path, "", body)
	if err != nil || got.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s %v", method, path, got.status, got.body, err)
	}
	return got
}

// named is what tests read of most answers.
type named struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Title string `json:"title"`
}

// board creates a board and returns its id and the position of its creation.
func (a api) board(t testing.TB, name string) (id, position string) {
	t.Helper()
	got := a.ok(t, http.MethodPost, "/boards", map[string]any{
		"name": name, "slug": name, "description": "A board", "board_type": "general",
	})
	var b named
	got.into(t, &b)
	return b.ID, got.header.Get("Log-Position")
}

// task creates a task and returns its id.
func (a api) task(t testing.TB, board, title string) string {
	t.Helper()
	var task named
	a.ok(t, http.MethodPost, "/boards/"+board+"/tasks", map[string]any{"title": title}).into(t, &task)
	return task.ID
}

// pages reads a whole list.
func (a api) pages(t testing.TB, path string) (items []named) {
	t.Helper()
	for {
		var page struct {
			Items []named `json:"items"`
			Total int     `json:"total"`
		}
		a.ok(t, http.MethodGet, fmt.Sprintf("%s?limit=200&offset=%d", path, len(items)), nil).into(t, &page)
		items = append(items, page.Items...)
		if len(page.Items) == 0 || len(items) >= page.Total {
			return items
		}
	}
}

// refused says what is wrong with an answer to a command that could not be
// carried out now; "" is nothing.
func (a answer) refused() string {
	var body struct {
		Detail    string `json:"detail"`
		RequestID string `json:"request_id"`
	}
	err := json.Unmarshal(a.body, &body)
	switch {
	case a.status != http.StatusServiceUnavailable:
		return fmt.Sprintf("status %d: %s", a.status, a.body)
	case a.header.Get("Retry-After") != "1":
		return "503 with Retry-After " + strconv.Quote(a.header.Get("Retry-After"))
	case err != nil || body.Detail == "" || body.RequestID == "":
		return "503 with the body " + string(a.body)
	}
	return ""
}

// insist sends a command with its key again and again until it is carried
// out, through each of the servers in turn.
func insist(ctx context.Context, servers []api, method, path, key string, body any) (got answer, tries int, err error) {
	for tries = 0; ; tries++ {
		got, err = servers[tries%len(servers)].call(ctx, method, path, key, body)
		switch {
		case ctx.Err() != nil:
			return got, tries, ctx.Err()
		case err != nil: // the connection was lost, or there is nobody
		case got.status == http.StatusOK:
			return got, tries, nil
		case got.refused() != "":
			return got, tries, fmt.Errorf("%s %s: %s", method, path, got.refused())
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
