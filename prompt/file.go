package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mgd3/internal/textfile"
)

// ParseFile reads a file of prompts, class to prompt: a JSON object, or lines of CLASS, a tab, and the prompt. A class
// that is there twice, and one without a prompt, is an [ErrFile]; JSON without an object, and lines without a tab, too.
func ParseFile(text []byte) (map[string]string, error) {
	text, err := textfile.Clean(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	parse := parseLines
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && !bytes.Contains(firstLine(text), []byte("\t")) {
		parse = parseObject
	}
	prompts := map[string]string{}
	err = parse(text, func(where, class, prompt string) error {
		_, twice := prompts[class]
		switch prompt = strings.TrimSpace(prompt); {
		case class == "":
			return fmt.Errorf("%w: %s has no class before the prompt %.40q", ErrFile, where, prompt)
		case twice:
			return fmt.Errorf("%w: %s has the class %q once more", ErrFile, where, class)
		case prompt == "":
			return fmt.Errorf("%w: %s has no prompt for the class %q", ErrFile, where, class)
		}
		prompts[class] = prompt
		return nil
	})
	if err == nil && len(prompts) == 0 {
		err = fmt.Errorf("%w: it has no prompt, want lines of CLASS, a tab, and the prompt, or a JSON object", ErrFile)
	}
	return prompts, err
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return bytes.TrimLeft(line, " \t")
}

func parseLines(text []byte, use func(where, class, prompt string) error) error {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if strings.TrimSpace(line) == "" {
			continue
		}
		where := fmt.Sprintf("line %d", n)
		class, prompt, ok := strings.Cut(line, "\t")
		if !ok {
			return fmt.Errorf("%w: %s is %.40q, want CLASS, a tab, and the prompt", ErrFile, where,
				strings.TrimSpace(line))
		}
		if err := use(where, strings.TrimSpace(class), prompt); err != nil {
			return err
		}
	}
	return nil
}

func parseObject(text []byte, use func(where, class, prompt string) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%w: bad JSON: %w", ErrFile, err)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%w: bad JSON: %w", ErrFile, err)
		}
		class := key.(string) // the keys of an object are
		var value any
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("%w: bad JSON, the prompt of class %q: %w", ErrFile, class, err)
		}
		prompt, ok := value.(string)
		if !ok {
			return fmt.Errorf("%w: the prompt of class %q is %v, want text", ErrFile, class, value)
		}
		if err := use("the object", class, prompt); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%w: bad JSON: %w", ErrFile, err)
	}
	if dec.More() {
		return fmt.Errorf("%w: %w", ErrFile, errors.New("there is more after the JSON object"))
	}
	return nil
}
