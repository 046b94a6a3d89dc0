#!/bin/sh
# Installs into a fresh prefix, moves it, and builds and runs a small consumer against it: pkg-config and CMake, shared
# and static, C and C++. The moved tree must not name the build, the source or the first prefix.
set -eu
build=$1 source=$2 cc=$3 cxx=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/first" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/first" "$work/moved"
prefix=$work/moved
if grep -rlF -e "$work/first" -e "$source" -e "$build" --include=*.cmake --include=*.pc --include=*.h "$prefix"; then
    echo "these installed files name a folder of this machine"
    exit 1
fi

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name hpck.pc)")
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libhpck.so)")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
static="$LD_LIBRARY_PATH/libhpck.a"
[ "$(pkg-config --modversion hpck)" = "$(sed -n 's/.*VERSION_STRING "\(.*\)"/\1/p' "$prefix/include/hpck/hpck_version.h")" ]

# Each header by itself, without a warning.
warnings='-Wall -Wextra -pedantic -Werror -fsyntax-only'
for header in hpck.h hpck_opencl.h hpck_version.h; do
    printf "#include <hpck/%s>\nextern int one;\n" "$header" >"$work/one.c"
    cp "$work/one.c" "$work/one.cpp"
    "$cc" -std=c11 $warnings $(pkg-config --cflags hpck) "$work/one.c"
    "$cxx" -std=c++17 $warnings $(pkg-config --cflags hpck) "$work/one.cpp"
done

run() { # name of the program: built above, must say what it is
    "$work/$1" | grep -q '^hpck .* device(s)$' || { echo "$1 failed"; exit 1; }
    echo "ok $1"
}
cp "$source/tests/install/consumer.c" "$work/consumer.cpp"
for language in c cpp; do
    compiler=$cc text=$source/tests/install/consumer.c
    if [ $language = cpp ]; then compiler=$cxx text=$work/consumer.cpp; fi
    "$compiler" "$text" -o "$work/pc_shared_$language" $(pkg-config --cflags --libs hpck)
    readelf -d "$work/pc_shared_$language" | grep -q 'NEEDED.*libhpck\.so\.[0-9]*\]'
    run "pc_shared_$language"
    "$compiler" $(pkg-config --cflags hpck) "$text" -o "$work/pc_static_$language" \
        $(pkg-config --static --libs hpck | sed "s|-lhpck|$static|")
    if readelf -d "$work/pc_static_$language" | grep -q libhpck; then echo "not static"; exit 1; fi
    run "pc_static_$language"
done

cmake -S "$source/tests/install" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_CXX_COMPILER="$cxx" >"$work/log" && cmake --build "$work/cmake" >>"$work/log" || { cat "$work/log"; exit 1; }
for program in c_hpck cpp_hpck c_hpck_static cpp_hpck_static; do
    run "cmake/$program"
done
