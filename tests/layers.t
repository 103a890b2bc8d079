#!/bin/sh
# SPDX-License-Identifier: MIT
# Each room includes only what the table allows. The first row that a file
# matches counts. The target's limits are for whoever is held to them.
. "${top_srcdir:-.}/tests/lib.sh"

allowed() {
	case $1 in
	compiler/base/*)	echo 'base/*' ;;
	compiler/front/*)	echo 'front/* base/*' ;;
	compiler/ir/lower*)	echo 'ir/* base/* front/*' ;;
	compiler/ir/*)		echo 'ir/* base/*' ;;
	compiler/schedule/*)	echo 'schedule/* base/* ir/*' ;;
	compiler/kernel/*)	echo 'kernel/* base/* ir/type.h ir/ops.h' \
					'schedule/target.h' ;;
	compiler/sketch/*)	echo 'sketch/* base/* ir/* schedule/* kernel/*' ;;
	compiler/cuda/*)	echo 'cuda/* base/* kernel/*' \
					'schedule/target.h ir/type.h ir/ops.h' ;;
	compiler/graph/*)	echo 'graph/* base/* ir/* schedule/*' ;;
	compiler/driver/*)	echo 'driver/* base/* front/* ir/* schedule/*' \
					'kernel/* sketch/* cuda/* graph/* search/*' \
					'report/report.h runtime/emu/wpk_emu_table.h' \
					'runtime/lib/device_name.h' \
					'runtime/lib/option.h' \
					'runtime/lib/share.h' ;;
	compiler/report/*)	echo 'report/* base/* search/* schedule/target.h' ;;
	compiler/wpkdb/*)	echo 'wpkdb/* base/* search/* driver/child.h' \
					'driver/options.h driver/output.h' \
					'driver/paths.h driver/version.h' \
					'schedule/target.h' ;;
	compiler/wpkfarm/*)	echo 'wpkfarm/* base/* front/front.h ir/lower.h' \
					'driver/measuring_folder.h driver/options.h' \
					'driver/options_table.h driver/output.h' \
					'driver/paths.h driver/version.h' \
					'search/search.h' ;;
	search/*)		echo 'search/* base/* schedule/space.h' \
					'schedule/target.h' ;;
	runtime/emu/driver/*)	echo 'runtime/emu/driver/*' 'runtime/emu/host/*' \
					'runtime/emu/emu*.h' \
					'runtime/emu/wpk_emu_table.h' ;;
	runtime/emu/*)		echo 'wpk_emu*.h emu*.h watch.h race.h host/*' ;;
	runtime/*)		echo 'wpk.h runtime/*' ;;
	esac
}

# The include lines of file $1 that its room may not have.
forbidden() {
	set -f
	patterns=$(allowed "$1")
	[ -n "$patterns" ] || echo "$1 belongs to no room"
	sed -n 's/^[ 	]*#[ 	]*include[ 	]*"\([^"]*\)".*/\1/p' \
		"$top_srcdir/$1" |
	while read -r header; do
		for pattern in $patterns; do
			# shellcheck disable=SC2254
			case $header in $pattern) continue 2 ;; esac
		done
		echo "$1 includes $header"
	done
	set +f
}

cd "$top_srcdir" || exit 1
for room in compiler/* search runtime/*; do
	[ -d "$room" ] || continue
	find "$room" -name '*.[chly]' -o -name '*.cc' | sort |
	while read -r file; do forbidden "$file"; done >"$scratch/found"
	if [ -s "$scratch/found" ]; then
		fail "$room" "$scratch/found"
	else
		pass "$room"
	fi
done

# The rule itself must bite.
mkdir -p "$scratch/compiler/base"
echo '#include "front/ast.h"' >"$scratch/compiler/base/x.c"
top_srcdir=$scratch
check "a wrong include is seen" test -n "$(forbidden compiler/base/x.c)"
finish
