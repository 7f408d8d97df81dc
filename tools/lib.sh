# SPDX-License-Identifier: MIT
# What the commands in tools/ share: where the tree is, how they speak, how they install. Sourced by bash, never run.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

packages_build="build-essential cmake ninja-build pkg-config python3
    libhwloc-dev zlib1g-dev liblzma-dev nettle-dev libjansson-dev libpopt-dev
    libbenchmark-dev libdnnl-dev"
packages_test="libcriterion-dev git libbenchmark-tools python3-numpy help2man strace"
packages_clang="clang"
packages_report="python3-matplotlib python3-numpy python3-scipy python3-jinja2 python3-jsonschema"
packages_page="chromium"
packages_aarch64="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static"
packages_riscv64="clang-19 lld-19 binutils-riscv64-linux-gnu qemu-user-static"
packages_avx512="bochs bochsbios vgabios isolinux syslinux-common xorriso cpio busybox-static"
packages_lint="clang-format clang-tidy cppcheck llvm-19 shellcheck python3-pip doxygen"
ruff=0.17.6
packages_fuzz="libclang-rt-dev llvm"
packages_slurm="slurmctld slurmd slurm-client munge"
packages_valgrind="valgrind"

# A script's own opening comment, from its third line on: what --help prints where there is no better text.
opening() { sed -n '3,${/^#/!q; s/^# \{0,1\}//p}' "$0"; }
help_asked() { case " $* " in *' --help '* | *' -h '*) return 0 ;; esac; return 1; }

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { say "$*"; exit 2; }

# The words of "$@" that are not installed Debian packages.
packages_missing()
{
    local package
    for package; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
    done
}

# Installs what is missing of "$@", as root or through sudo; says what in one line. Does nothing, and needs no network, when all is there.
packages_install()
{
    local missing sudo=''
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        say "not a Debian system: have these there by other means: $*"
        return 0
    fi
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "neither root nor sudo is here; as root: apt-get install $missing"
        sudo='sudo'
    fi
    say "installing $missing"
    # shellcheck disable=SC2086 # a list of words
    set -- $missing
    # A source that does not answer is apt's warning, not our failure: what counts is whether the packages arrive.
    $sudo apt-get update -qq </dev/null >/dev/null 2>&1 || true
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null ||
        die "apt-get could not install: $missing (its words are above)"
}

# Ctrl-C: one line, and the exit code that says so.
trap 'say "interrupted"; exit 130' INT
