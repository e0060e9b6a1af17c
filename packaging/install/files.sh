# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash
#
# The files that packaging/files lists. To be sourced.

# to_install: prints "MODE<tab>DESTINATION<tab>SOURCE<tab>keep" for each file that there is to
# install.
to_install() {
    local mode source destination keep
    while read -r mode source destination keep; do
        [[ $mode != '#' ]] || continue
        case $source in
        @*:*) source=$generated/${source#@} ;;
        @*) source=$programs/${source#@} ;;
        *)
            source=$project/$source
            [[ -e $source ]] || continue
            ;;
        esac
        printf '%s\t%s\t%s\t%s\n' "$mode" "$destination" "$source" "$keep"
    done < <(grep -v '^#' "$project/packaging/files")
}

# generate_files: makes the files that the programs themselves write, such as manual pages.
generate_files() {
    local source words
    rm -rf "$generated"
    mkdir -p "$generated"
    while read -r _ source _; do
        if [[ $source == @*:* ]]; then
            IFS=: read -r -a words <<<"${source#@}"
            "$programs/${words[0]}" "${words[@]:1}" >"$generated/${source#@}"
        fi
    done <"$project/packaging/files"
}

# is_fresh PROGRAM: whether it is built of the present sources.
is_fresh() {
    local sources=("$project"/{userspace-tool,sdk/generator,module/logic,uapi/src,Cargo.lock})
    [[ -x $1 && -z $(find "${sources[@]}" -type f -newer "$1" -print -quit) ]]
}

# find_programs: prints the directory of programs that are built of the present sources, or "build".
find_programs() {
    local directory
    for directory in "$project"/target/{guest/"$(uname -m)"-unknown-linux-gnu/,}tool; do
        if is_fresh "$directory/atomikctl" && is_fresh "$directory/atomik-replicate"; then
            echo "$directory"
            return
        fi
    done
    echo build
}

build_programs() {
    [[ $programs == build ]] || return 0
    programs=$project/target/tool
    local build="cargo build --profile tool --locked"
    build+=" --package atomikctl --package atomik-replicator"
    step "building atomikctl and atomik-replicate" \
        "$project/packaging/install/as-owner" "$project" \
        bash -lc "cd \"\$1\" && CARGO_TARGET_DIR=target $build" bash "$project" ||
        die "cargo could not build the programs" \
            "build them where cargo works ($build), then run this again"
}

install_files() {
    local mode destination source keep
    while IFS=$'\t' read -r mode destination source keep; do
        if [[ -e $destination ]]; then
            ! cmp -s "$source" "$destination" || continue
            # The administrator's, once it differs from the one that we put there.
            if [[ $keep == keep ]] &&
                ! grep -qs "^file	$destination	$(sum_of "$destination")\$" "$manifest"; then
                say "  $destination stays as you changed it"
                continue
            fi
        fi
        put "$mode" "$source" "$destination"
    done < <(to_install)
}

sum_of() {
    sha256sum "$1" | cut -d' ' -f1
}

# keep_sum DESTINATION: prints the sum of the file that we installed there last. A `keep` file that
# the administrator changed has another one.
keep_sum() {
    local before
    before=$(awk -F'\t' -v path="$1" '$1 == "file" && $2 == path { print $3 }' \
        "$manifest" 2>/dev/null || true)
    if [[ -n $before && -e $1 ]] && ! grep -qE "^(made|replaced)	$1(	|\$)" "$journal"; then
        echo "$before"
    else
        sum_of "$1"
    fi
}

write_manifest() {
    local destination path
    {
        printf 'version\t%s\n' "$version"
        while IFS=$'\t' read -r _ destination _; do
            printf 'file\t%s\t%s\n' "$destination" "$(keep_sum "$destination")"
        done < <(to_install)
        grep '^run' "$journal"
        # Things that an earlier installation made are still ours.
        { grep -hE '^(directory|group|member|mok)' "$journal" "$manifest" 2>/dev/null || true; } |
            sort -u
    } >"$manifest.new"
    sync "$manifest.new"
    mv -T "$manifest.new" "$manifest"
}
