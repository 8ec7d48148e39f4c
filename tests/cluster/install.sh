#!/usr/bin/env bash
# Installs what the tests in this folder need besides the Python packages: Slurm and MUNGE, from
# Debian or a distribution like it. Needs root; does nothing where both are there.
set -euo pipefail

complete=true
for program in slurmctld slurmd munged sbatch srun; do
  command -v "$program" >/dev/null || complete=false
done
if "$complete"; then
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "slurm-wlm and munge are not installed, and only root can install them." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends slurm-wlm munge
