"""Publishes a broadcast until Ctrl+C: python3 publish.py "Its title". NOVA in the environment is the gateway's address."""
import http.client, itertools, json, os, random, sys, time, urllib.error, urllib.request, uuid

NOVA = os.environ.get("NOVA", "http://127.0.0.1:8080")

def post(url, body, headers):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read() or "null")

def new_token():  # Ask your own issuer here: /dev/tokens exists in Development, for this machine only.
    return post(f"{NOVA}/dev/tokens", {"sub": "me", "role": "broadcaster"}, {})["token"]

def call(path, body):
    """Repeats a call until Nova has answered it. The Idempotency-Key stays, so that it has its effect once."""
    global token
    key, is_renewed = str(uuid.uuid4()), False
    for attempt in itertools.count():
        wait = 0.5 * 2 ** min(attempt, 5) * random.uniform(0.5, 1)
        try:
            token = token or new_token()
            return post(f"{NOVA}/api/v1/streams{path}", body, {"Authorization": f"Bearer {token}", "Idempotency-Key": key})
        except urllib.error.HTTPError as problem:
            if problem.code == 401 and not is_renewed: token, is_renewed = None, True  # It may have expired.
            elif problem.code != 429 and problem.code < 500: sys.exit(f"{path}: {problem.code} {problem.read().decode()}")
            else: time.sleep(max(wait, float(problem.headers.get("Retry-After", 0))))
        except (OSError, http.client.HTTPException): time.sleep(wait)  # No connection, or no whole answer.

token = None
stream = call("", {"title": sys.argv[1] if len(sys.argv) > 1 else "My first broadcast"})["stream_id"]
call(f"/{stream}/start", {"quality": "1080p", "fps": 60, "bitrate_kbps": 5000})
print(f"Live: {stream}", flush=True)
try:
    for beat in itertools.count(1):
        call(f"/{stream}/heartbeat", {})  # From the first one on, 15 s without a call are a lost connection.
        call(f"/{stream}/bitrate", {"current_bitrate_kbps": random.randint(2700, 3000) if beat > 2 else 4850})
        if beat == 2: call(f"/{stream}/quality", {"new_quality": "720p", "new_bitrate_kbps": 3000, "reason": "network_congestion"})
        time.sleep(5)
except KeyboardInterrupt: print("Ended:", call(f"/{stream}/end", {}), flush=True)
