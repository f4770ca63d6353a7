#!/usr/bin/env bash
# For machines that reach Debian's packages but no image registry: makes stand-ins for the images that the AppHost, deploy/compose.yaml and the
# publishing of our own images ask for, from Debian 12's packages and the .NET runtime of this machine. Run as root, with a container engine that
# answers and packages debootstrap and docker-registry. Prints the two variables to set. About two minutes.
set -euo pipefail

work=$(mktemp -d /var/tmp/nova-images.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
mirror=${DEBIAN_MIRROR:-$(grep -rhoE 'https?://[^ ]+/debian/? ' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 || true)}
mirror=${mirror:-$(grep -rhoE 'https?://[^ ]+/debian/?$' /etc/apt/sources.list.d | head -n 1)}

debootstrap --variant=minbase --include=ca-certificates,libssl3,libstdc++6,zlib1g bookworm "$root" "$mirror" > "$work/log" 2>&1 || { tail "$work/log"; exit 1; }
for file in /etc/apt/apt.conf.d/*proxy*; do [ -e "$file" ] && cp "$file" "$root/etc/apt/apt.conf.d/"; done
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"; chmod +x "$root/usr/sbin/policy-rc.d"
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql-15 redis-server nginx-light > "$work/log" 2>&1 || { tail "$work/log"; exit 1; }
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/lib/postgresql/15 "$root"/etc/apt/apt.conf.d/*proxy*
mkdir -p "$root/usr/share/dotnet"
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
cp -r "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$root/usr/share/dotnet/"
ln -s /usr/share/dotnet/dotnet "$root/usr/bin/dotnet"
chroot "$root" useradd --uid 1654 --no-create-home app

# What the original images' entry points do that Nova depends on.
cat > "$root/usr/local/bin/postgres-entrypoint" <<'SH'
#!/bin/sh
set -e
data=${PGDATA:-/var/lib/postgresql/data}
bin=/usr/lib/postgresql/15/bin
mkdir -p "$data" /var/run/postgresql
chown -R postgres: "$data" /var/run/postgresql
as() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
if [ ! -s "$data/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password; chown postgres /tmp/password
  as "$bin/initdb" -D "$data" -U "${POSTGRES_USER:-postgres}" --pwfile=/tmp/password --auth-host="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" --auth-local=trust > /dev/null
  rm /tmp/password
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$data/pg_hba.conf"
  if [ -n "$POSTGRES_DB" ] && [ "$POSTGRES_DB" != postgres ]; then
    as "$bin/pg_ctl" -D "$data" -o "-c listen_addresses=''" -w start > /dev/null
    as "$bin/createdb" -U "${POSTGRES_USER:-postgres}" "$POSTGRES_DB"
    as "$bin/pg_ctl" -D "$data" -w stop > /dev/null
  fi
fi
[ "$1" = postgres ] && shift
exec setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$data" -c listen_addresses='*' "$@"
SH
chmod +x "$root/usr/local/bin/postgres-entrypoint"
for program in pg_isready psql; do ln -sf "/usr/lib/postgresql/15/bin/$program" "$root/usr/local/bin/$program"; done

tar -C "$root" -c . | docker import - nova-offline > /dev/null
image() { docker build -q "${@:2}" - <<< "FROM nova-offline
$1" > /dev/null 2> "$work/log" || { cat "$work/log"; exit 1; }; }
tags() { for tag in "$@"; do printf -- '-t %s -t docker.io/library/%s ' "$tag" "$tag"; done; }

# shellcheck disable=SC2046
image 'ENV PATH=/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["postgres-entrypoint"]
CMD ["postgres"]' $(tags postgres:17 ${POSTGRES_TAGS:-})
# shellcheck disable=SC2046
image 'WORKDIR /data
RUN chown redis: /data
USER redis
CMD ["redis-server"]
ENTRYPOINT ["/bin/sh", "-c", "exec \"$@\" --protected-mode no --bind 0.0.0.0", "--"]' $(tags redis:7 ${REDIS_TAGS:-})
# shellcheck disable=SC2046
image 'STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off; error_log /dev/stderr;"]' $(tags nginx:1.29)

registry=localhost:${REGISTRY_PORT:-5000}
image 'ENV ASPNETCORE_HTTP_PORTS=8080 DOTNET_RUNNING_IN_CONTAINER=true APP_UID=1654
WORKDIR /app
USER 1654' -t "$registry/dotnet/aspnet:10.0"
docker push -q "$registry/dotnet/aspnet:10.0" > /dev/null

echo "export ContainerBaseImage=$registry/dotnet/aspnet:10.0"
echo "export NOVA_TEST_CONTAINERS=true"
