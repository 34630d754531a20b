# Images with mgd3 as their entry point: a static program and nothing else, or with CUDA's plugin beside it.
#
#   docker build --target static -t mgd3 .
#   docker build --target cuda -t mgd3:cuda .       # some 5 GB: the plugin and NVIDIA's libraries
#
# bench/image.sh runs the steps without an engine, as far as they can be.

FROM golang:1.26 AS static-build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /mgd3 ./cmd/mgd3

FROM scratch AS static
# by which the program knows the servers of buckets
COPY --from=static-build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=static-build /mgd3 /mgd3
ENTRYPOINT ["/mgd3"]

# of the same Debian as below: a program made with a newer C library does not start with an older one
FROM golang:1.26-bookworm AS cuda-build
WORKDIR /src
COPY . .
RUN go build -trimpath -ldflags=-s -o /mgd3 ./cmd/mgd3

FROM python:3.12-slim-bookworm AS cuda
RUN pip install --no-cache-dir "jax-cuda12-plugin[with-cuda]==0.10.2"
COPY --from=cuda-build /mgd3 /usr/local/bin/mgd3
ENTRYPOINT ["/usr/local/bin/mgd3"]
