package lease

import (
	"context"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"time"
)

// memory is a [Store] that counts what is asked of it. Its clock is ahead of the machine's.
type memory struct {
	mu      sync.Mutex
	objects map[string]time.Time
	texts   map[string]string
	ahead   time.Duration
	asked   map[string]int
	err     error // of all calls
}

func newMemory() *memory {
	return &memory{objects: map[string]time.Time{}, texts: map[string]string{}, asked: map[string]int{}}
}

func (m *memory) ask(what string) (func(), error) {
	m.mu.Lock()
	m.asked[what]++
	return m.mu.Unlock, m.err
}

func (m *memory) put(name, text string) time.Time {
	m.texts[name] = text
	m.objects[name] = time.Now().Add(m.ahead)
	return m.objects[name]
}

func (m *memory) Create(_ context.Context, name, text string) (time.Time, error) {
	free, err := m.ask("create")
	defer free()
	if _, there := m.objects[name]; there && err == nil {
		err = fs.ErrExist
	}
	if err != nil {
		return time.Time{}, err
	}
	return m.put(name, text), nil
}

func (m *memory) Renew(_ context.Context, name, text string) (time.Time, error) {
	free, err := m.ask("renew")
	defer free()
	if _, there := m.objects[name]; !there && err == nil {
		err = fs.ErrNotExist
	}
	if err != nil {
		return time.Time{}, err
	}
	return m.put(name, text), nil
}

func (m *memory) Read(_ context.Context, name string) (string, error) {
	free, err := m.ask("read")
	defer free()
	if _, there := m.objects[name]; !there && err == nil {
		err = fs.ErrNotExist
	}
	return m.texts[name], err
}

func (m *memory) Exists(_ context.Context, name string) (bool, error) {
	free, err := m.ask("exists")
	defer free()
	_, there := m.objects[name]
	return there, err
}

func (m *memory) List(_ context.Context, prefix string) (map[string]time.Time, error) {
	free, err := m.ask("list")
	defer free()
	list := maps.Clone(m.objects)
	maps.DeleteFunc(list, func(name string, _ time.Time) bool { return !strings.HasPrefix(name, prefix) })
	return list, err
}

func (m *memory) Remove(_ context.Context, name string) error {
	free, err := m.ask("remove")
	defer free()
	delete(m.objects, name)
	return err
}
