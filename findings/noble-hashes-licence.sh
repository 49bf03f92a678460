#!/bin/sh
# @noble/hashes has had no licence comment (`/*! … */`) in its code since 2.2.0. Up to 2.0.1 it had one, and the libraries of
# the same family still do. Bundlers keep such comments, so whoever bundles them fulfilled the MIT licence without a thought.
# After an update of this one library the bundle holds its code without the notice, and nothing says so. Put one there.
#
# Seen with esbuild 0.28.2:
#
#   @noble/hashes@2.0.1: 1 notice in the bundle
#   @noble/hashes@2.4.0: 0 notices in the bundle
#   @noble/secp256k1@3.2.0: 1 notice in the bundle
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --loglevel=error --before=2026-11-28 esbuild@0.28.2 old@npm:@noble/hashes@2.0.1 \
  new@npm:@noble/hashes@2.4.0 sibling@npm:@noble/secp256k1@3.2.0 > /dev/null 2>&1

# notices NAME MODULE EXPORT: bundles one function of a library, and counts the notices that came along
notices() {
  echo "export { $3 } from \"$2\";" > "$1.js"
  npx esbuild "$1.js" --bundle --format=esm --legal-comments=inline --outfile="$1.out.js" --log-level=error
  grep -c "MIT License" "$1.out.js" || true
}
old=$(notices old old/sha2.js sha256)
new=$(notices new new/sha2.js sha256)
sibling=$(notices sibling sibling sign)
echo "@noble/hashes@2.0.1: $old notice in the bundle"
echo "@noble/hashes@2.4.0: $new notices in the bundle"
echo "@noble/secp256k1@3.2.0: $sibling notice in the bundle"
[ "$old $new $sibling" = "1 0 1" ] && echo "as stated"
