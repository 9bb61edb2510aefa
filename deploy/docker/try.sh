#!/usr/bin/env bash
# Build the image with Debian's tools and run it: as root, on Debian, with buildah and debootstrap. It takes minutes.
# The base is Debian with its own Python, in place of the public image. PIP_CONFIG_FILE, if set, is used for the build.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
work=$(mktemp -d)
container=
# Its own storage, so that nothing is left behind.
store=(buildah --root "$work/storage" --runroot "$work/run")
finish() {
  if [ -n "$container" ]; then "${store[@]}" rm "$container" > /dev/null; fi
  rm -rf "$work"
}
trap finish EXIT

debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$work/base" > /dev/null
base=$("${store[@]}" from scratch)
"${store[@]}" add --quiet "$base" "$work/base" / > /dev/null
"${store[@]}" commit --quiet "$base" localhost/python > /dev/null
"${store[@]}" rm "$base" > /dev/null
rm -rf "$work/base"

# Certificates of this machine, which may have a mirror of its own.
options=(--volume /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro)
if [ -n "${PIP_CONFIG_FILE:-}" ]; then options+=(--volume "$PIP_CONFIG_FILE:/etc/pip.conf:ro"); fi
"${store[@]}" bud --quiet --format docker --build-arg PYTHON_IMAGE=localhost/python --target pipeline "${options[@]}" \
  --file deploy/docker/Dockerfile --tag localhost/sentiment . > /dev/null

container=$("${store[@]}" from localhost/sentiment)
mount=$("${store[@]}" mount "$container")
echo "size: $(du -sm "$mount" | cut -f 1) MB, of which ours: $(du -sm "$mount/opt/sentiment" | cut -f 1) MB"
if [ -d "$mount/opt/sentiment/lib/python3.11/site-packages/torch" ]; then echo "PyTorch is in the image"; exit 1; fi
started=$(date +%s%N)
"${store[@]}" run "$container" -- sentiment score "The update made the app faster, great job!"
echo "start to first answer: $(( ($(date +%s%N) - started) / 1000000 )) ms"
"${store[@]}" run "$container" -- sentiment demo
