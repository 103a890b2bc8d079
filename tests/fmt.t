#!/bin/sh
# SPDX-License-Identifier: MIT
# wpkc fmt: what the project ships is laid out so, a mess becomes what it should,
# what is laid out stays, broken files and other contents are left alone.
. "${top_srcdir:-.}/tests/lib.sh"
cd "$scratch" || exit 1

check "stdlib and examples" find "$top_srcdir/stdlib" \
	"$top_srcdir/examples" -name '*.wpk' -exec "$wpkc" fmt --check {} +

cat >mess.wpk <<'END'
// A product.
import   std.act ;
fn twice( x )=2*x;   // twofold


export op mm [T=f32,
M = 8](a:T[M,K] align( 16 ),
   b: T[ K , N ]
)->(c: T[M,N])
where K%8==0,
N % 4 == 0
{
/* sums
     of products */
let acc[i,j]: f32 = sum[k]( a[i,k]*b[k , j] );
      c[i, j] = act.relu(-acc[i,j]) + twice( - 1 )
- 3;
}
schedule s for mm target sm_80.. when M>=64 { tile(block,i=64 .. 128,
k = {16,32}); seed(S=4);
}
END
cat >neat.wpk <<'END'
// A product.
import   std.act;
fn twice(x) = 2*x;   // twofold

export op mm[T = f32,
    M = 8](a:T[M, K] align(16),
    b: T[K, N]
) -> (c: T[M, N])
where K%8 == 0,
      N % 4 == 0
{
    /* sums
     of products */
    let acc[i, j]: f32 = sum[k](a[i, k]*b[k, j]);
    c[i, j] = act.relu(-acc[i, j]) + twice(-1)
        - 3;
}
schedule s for mm target sm_80.. when M >= 64 { tile(block, i = 64..128,
    k = {16, 32}); seed(S = 4);
}
END
check "a mess" sh -c '"$1" fmt - <mess.wpk | diff -u neat.wpk -' sh "$wpkc"
cp mess.wpk work.wpk
check "in place" sh -c '"$1" fmt work.wpk && cmp work.wpk neat.wpk' sh "$wpkc"
check "what is neat stays" sh -c '"$1" fmt work.wpk && cmp work.wpk neat.wpk' sh \
	"$wpkc"
check "--check names what would change" sh -c \
	'test "$("$1" fmt --check mess.wpk work.wpk)" = mess.wpk' sh "$wpkc"
check "--check of what is neat says nothing, also from standard input" sh -c \
	'test -z "$("$1" fmt --check work.wpk)" &&
	test -z "$("$1" fmt --check - <work.wpk)" &&
	"$1" fmt --check - <work.wpk' sh "$wpkc"
check "--check fails then" sh -c '! "$1" fmt --check mess.wpk' sh "$wpkc"
check "and writes nothing" grep -q 'fn twice( x )' mess.wpk
printf 'op f( {\n' >broken.wpk
cp broken.wpk before
check "a broken file is refused" sh -c \
	'! "$1" fmt broken.wpk 2>err && grep -q "error\[E0104\]" err' sh "$wpkc"
check "and left alone" cmp broken.wpk before
check "a file that is not there" sh -c '! "$1" fmt none.wpk' sh "$wpkc"
check "no files" sh -c '! "$1" fmt' sh "$wpkc"

# Every source of the tests that parses: formatted twice is formatted once, and
# the compiler sees the same.
same=0 other=0
for file in "$top_srcdir"/tests/front/*.wpk "$top_srcdir"/tests/lower/*.wpk \
	"$top_srcdir"/tests/workloads/*.wpk; do
	"$wpkc" fmt - <"$file" >once.wpk 2>/dev/null || continue
	"$wpkc" fmt - <once.wpk >again.wpk
	tr -d ' \t\r\n\f\v' <"$file" >a
	tr -d ' \t\r\n\f\v' <once.wpk >b
	if cmp -s once.wpk again.wpk && cmp -s a b; then
		same=$((same + 1))
	else
		other=$((other + 1))
		echo "$file" >>differ
	fi
done
check "twice is once, $same sources" test "$same" -gt 30
touch differ
empty "none that is not" differ
finish
