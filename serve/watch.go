package serve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"mgd3/store"
)

// Between two looks at the files of a run; in a bucket each look is requests that are paid for.
const (
	every       = 2 * time.Second
	everyBucket = 15 * time.Second
	alive       = 15 * time.Second // a stream says something at least so often
)

// watcher looks at the files once for all pages, as long as there are any, and hands each the newest state alone.
//
// One goroutine, run, looks. It starts with the first page and ends when it finds none: join and tell decide both under
// the lock, so there is never more than one, and none is missing. A page's channel has room for one state. tell alone
// sends, and takes out a state that was not fetched before it puts the next, so it never waits for a slow page.
type watcher struct {
	look func(files bool) State // with a look at the files, or with what is known of them
	made found                  // images of a run that goes on

	mu      sync.Mutex
	pages   map[chan []byte]bool
	looking bool
	wake    chan struct{} // something else has changed
	last    []byte
}

func newWatcher(look func(bool) State) *watcher {
	return &watcher{look: look, pages: map[chan []byte]bool{}, wake: make(chan struct{}, 1)}
}

// changed has the pages told of what has changed besides the files.
func (w *watcher) changed() {
	select {
	case w.wake <- struct{}{}:
	default: // it will be seen
	}
}

// join adds a page; the first one starts the looking.
func (w *watcher) join(every time.Duration) chan []byte {
	page := make(chan []byte, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pages[page] = true
	if w.last != nil {
		page <- w.last
	}
	if !w.looking {
		w.looking = true
		go w.run(every)
	}
	return page
}

// leave takes a page out; without any the looking ends at the next turn.
func (w *watcher) leave(page chan []byte) {
	w.mu.Lock()
	delete(w.pages, page)
	w.mu.Unlock()
	w.changed()
}

// run looks again and again until no page is left.
func (w *watcher) run(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for files := true; ; {
		data, err := json.Marshal(w.look(files))
		if err == nil && !w.tell(data) {
			return
		}
		select {
		case <-tick.C:
			files = true
		case <-w.wake:
			files = false
		}
	}
}

// tell hands the state to the pages, if it is another; false without pages.
func (w *watcher) tell(data []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pages) == 0 {
		w.looking, w.last = false, nil
		return false
	}
	if bytes.Equal(data, w.last) {
		return true
	}
	w.last = data
	for page := range w.pages {
		select {
		case <-page: // it has not taken the one before
		default:
		}
		page <- data
	}
	return true
}

// stream tells a page of the state as it changes, as server-sent events (HTML Living Standard, 9.2), until nobody
// listens. A comment line every 15 s finds out that a client is gone, and keeps proxies from closing the connection.
func (w *watcher) stream(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(rw)
	page := w.join(w.every())
	defer w.leave(page)
	quiet := time.NewTicker(alive)
	defer quiet.Stop()
	for {
		text := ": still here\n\n"
		select {
		case <-r.Context().Done():
			return
		case <-quiet.C:
		case data := <-page:
			text = fmt.Sprintf("data: %s\n\n", data)
		}
		_ = out.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := rw.Write([]byte(text)); err != nil || out.Flush() != nil {
			return
		}
	}
}

// every is the time between two looks.
func (w *watcher) every() time.Duration {
	if store.Is(w.made.dir) {
		return everyBucket
	}
	return every
}
