#!/usr/bin/env bash
# Says how large pages are, and what a browser takes to open them. Usage: bench/pages.sh PAGE.html...
set -euo pipefail
cd "$(dirname "$0")/.."
MGD3_PAGES=$(realpath "$@" | tr '\n' ' ') MGD3_TEST_CHROMIUM=${MGD3_TEST_CHROMIUM:-$(.ci/chromium)} \
  go test -tags measure -count=1 -v -run '^TestLoad$' ./page | grep -E 'page:|^(ok|FAIL|---)'
