//go:build !nocloud

package main

import _ "mgd3/store/clouds" // a third of the program; -tags nocloud is without them
