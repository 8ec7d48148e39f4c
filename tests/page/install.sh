#!/usr/bin/env bash
# Installs what the tests in this folder need besides the Python packages: Chromium, from Debian or
# a distribution like it. Needs root; does nothing where there is one.
set -euo pipefail

for program in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$program" >/dev/null; then
    exit 0
  fi
done
if [ "$(id -u)" != 0 ]; then
  echo "Chromium is not installed, and only root can install it: the tests of the page in a browser will be skipped." >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends chromium
