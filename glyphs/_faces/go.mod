module mgd3/glyphs/_faces

go 1.26.5

require (
	github.com/go-fonts/dejavu v0.3.4
	github.com/go-fonts/latin-modern v0.3.3
	github.com/go-fonts/liberation v0.3.3
	github.com/go-fonts/stix v0.2.2
	golang.org/x/image v0.30.0
)

require golang.org/x/text v0.28.0 // indirect
