#!/usr/bin/env bash
# Generates a TypeScript and a C# client from docs/openapi.json, builds both with strict types, and has each work with a Nova that runs.
# Needs Node.js with npm, the .NET SDK and a built Nova.Standalone (dotnet build).
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

[ -d node_modules ] || npm ci
npm run -s client
(cd "$root" && dotnet tool restore > /dev/null)
KIOTA_OFFLINE_ENABLED=true DOTNET_NOLOGO=1 dotnet kiota generate --language CSharp --class-name NovaClient --namespace-name Nova.Generated \
  --openapi "$root/docs/openapi.json" --output csharp/Generated --clean-output --exclude-backward-compatible --log-level Error > /dev/null
dotnet build csharp -v q

data=$(mktemp -d)
chmod 711 "$data"
dotnet "$root/Nova.Standalone/bin/Debug/net10.0/Nova.Standalone.dll" --port 0 --no-demo --data "$data" > "$data/nova.log" 2>&1 &
nova=$!
trap 'kill $nova; wait $nova || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  gateway=$(sed -n 's/^Nova is ready: \(http[^ ]*\).*/\1/p' "$data/nova.log")
  [ -z "$gateway" ] || break
  kill -0 $nova 2> /dev/null || { cat "$data/nova.log"; exit 1; }
  sleep 0.1
done
token=$(curl -sf "$gateway/dev/tokens" -H 'Content-Type: application/json' -d '{"sub":"contracts","role":"broadcaster"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
node generated/client.mjs "$gateway" "$token"
dotnet csharp/bin/Debug/net10.0/Nova.GeneratedClient.dll "$gateway" "$token"
