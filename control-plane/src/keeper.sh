# Keeps what one control plane consists of: makes its folder, and removes folder and servers when the input ends, which
# it does at the latest when the process that writes it is gone.
#
# Usage: keeper.sh PARENT. Prints the folder that it made in PARENT. Each line of input is the id of a server's process,
# or `none`: those so far have ended.
trap '' HUP INT PIPE TERM
folder=$(mktemp -d "$1/control-plane.XXXXXX") || exit 1
echo "$folder" 2>/dev/null

servers=
while read -r word; do
  case $word in
    none) servers= ;;
    *) servers="$servers $word" ;;
  esac
done

# Nothing of theirs is kept, so they need no time to stop in good order. One that is not gone within a second is a
# process that nobody waited for.
for server in $servers; do kill -KILL "$server"; done 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
  alive=
  for server in $servers; do kill -0 "$server" && alive=yes; done 2>/dev/null
  [ -n "$alive" ] || break
  sleep 0.1
done

# The controller manager makes a folder for each volume that it provides, at a fixed place. It stays empty, as nothing
# really runs. Their names are read from etcd's log.
volumes=/tmp/hostpath_pv
if [ -d "$volumes" ]; then
  grep -ahoE "$volumes/[0-9a-f-]{36}" "$folder"/etcd/member/wal/*.wal | sort -u | while read -r volume; do
    rmdir "$volume"
  done
  rmdir "$volumes"
fi 2>/dev/null

rm -rf "$folder"
