#!/usr/bin/env bash
# Serves a set of 100,000 tiny images, and says what that takes: memory, the time until the page has its table and the
# first images, and the same beside 200 clients that ask for all and read nothing. Usage: bench/serve.sh [IMAGES]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
MGD3_SERVE_IMAGES=${1:-100000} TMPDIR=$dir go test -count=1 -v -run '^TestMany$' ./serve | grep -E 'many|^(ok|FAIL|---)'
