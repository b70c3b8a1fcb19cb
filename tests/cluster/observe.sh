#!/usr/bin/env bash
# Asks a running test cluster how the API server behaves where the library relies on it, and prints what it answers.
# The answers are written down in README.md; run this again after a change of the Kubernetes version and compare.
# Restarts the API server on the way: don't point it at a cluster that others use.
# Needs curl, jq, kubectl and, for the HTTP/2 limit, nghttp.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cluster=$root/scripts/cluster
work=$(mktemp -d)
namespace=observe-$$
export KUBECONFIG
KUBECONFIG=$("$cluster" kubeconfig)
trap 'rm -rf "$work"; kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true' EXIT

server=$(kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.server}')
kubectl config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$work/ca"
token_in() { kubectl --kubeconfig="$1" config view --raw -o 'jsonpath={.users[0].user.token}'; }
admin=$(token_in "$KUBECONFIG")
token=$admin

title() { printf '\n## %s\n' "$*"; }
body=
# call LABEL METHOD PATH [BODY]: prints the answer in one line, leaves its body in $body.
call() {
	local label=$1 method=$2 path=$3 code
	local args=(-sS --cacert "$work/ca" -X "$method" -o "$work/body" -w '%{http_code}' -H 'Content-Type: application/json')
	[[ -z $token ]] || args+=(-H "Authorization: Bearer $token")
	[[ $# -lt 4 ]] || args+=(--data-binary "$4")
	code=$(curl "${args[@]}" "$server$path") || code="curl failed: $code"
	body=$(<"$work/body")
	printf '%-58s %s ' "$label" "$code"
	jq -c 'if .kind == "Status"
		then {reason, message, causes: .details.causes, retryAfterSeconds: .details.retryAfterSeconds} | with_entries(select(.value != null))
		else {kind, rv: .metadata.resourceVersion, uid: (.metadata.uid // "")[0:8], generation: .metadata.generation, spec: .spec} | with_entries(select(.value != null)) end' \
		"$work/body" 2>/dev/null || { head -c 300 "$work/body"; echo; }
}
quiet() { call "$@" >/dev/null; }
field() { jq -r "$1" <<<"$body"; }

# watch SECONDS QUERY [PATH]: prints the header line and time of a watch's answer, then its events.
watch() {
	local args=(-sS --cacert "$work/ca" -N --max-time "$1" -D "$work/headers" -o "$work/stream"
		-w 'first byte after %{time_starttransfer}s of %{time_total}s')
	[[ -z $token ]] || args+=(-H "Authorization: Bearer $token")
	: >"$work/stream"
	curl "${args[@]}" "$server${3:-$leases}?watch=1&$2" 2>/dev/null || true
	printf ', %s\n' "$(head -1 "$work/headers" | tr -d '\r')"
	jq -c 'if .type then {type, rv: .object.metadata.resourceVersion, name: .object.metadata.name, annotations: .object.metadata.annotations,
		status: (if .object.kind == "Status" then (.object | {code, reason, message}) else null end)} | with_entries(select(.value != null))
		elif .kind == "Status" then {reason, message, code} else {kind} end | "    " + tojson' -r "$work/stream" 2>/dev/null | cut -c1-400 || cat "$work/stream"
}

leases=/apis/coordination.k8s.io/v1/namespaces/$namespace/leases
maps=/api/v1/namespaces/$namespace/configmaps
lease() { # NAME METADATA-REST SPEC
	printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"%s"%s},"spec":%s}' "$1" "$2" "$3"
}
spec() { printf '{"holderIdentity":"%s","leaseDurationSeconds":15,"leaseTransitions":0,"acquireTime":"2026-01-01T00:00:00.000000Z","renewTime":"2026-01-01T00:00:%02d.000000Z"}' "$1" "$2"; }

kubectl create namespace "$namespace" >/dev/null
kubectl version -o json 2>/dev/null | jq -r '"server " + .serverVersion.gitVersion'

title "(1) PUT of a Lease that does not exist"
call "no uid, no resourceVersion" PUT "$leases/p1" "$(lease p1 '' "$(spec a 0)")"
call "a uid, no resourceVersion" PUT "$leases/p2" "$(lease p2 ',"uid":"00000000-0000-0000-0000-000000000001"' "$(spec a 0)")"
call "no uid, a resourceVersion" PUT "$leases/p3" "$(lease p3 ',"resourceVersion":"5"' "$(spec a 0)")"
call "no uid, resourceVersion 0" PUT "$leases/p3z" "$(lease p3z ',"resourceVersion":"0"' "$(spec a 0)")"
call "a uid and a resourceVersion" PUT "$leases/p4" "$(lease p4 ',"uid":"00000000-0000-0000-0000-000000000001","resourceVersion":"5"' "$(spec a 0)")"
call "name in the body differs from the path" PUT "$leases/p5" "$(lease other '' "$(spec a 0)")"
echo "- a Lease that was deleted, written with what was last read of it:"
quiet x POST "$leases" "$(lease gone '' "$(spec a 0)")"
uid=$(field .metadata.uid) rv=$(field .metadata.resourceVersion)
quiet x DELETE "$leases/gone"
call "its resourceVersion, its uid" PUT "$leases/gone" "$(lease gone ",\"uid\":\"$uid\",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
call "its resourceVersion, no uid" PUT "$leases/gone" "$(lease gone ",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
echo "- a ConfigMap that does not exist:"
call "ConfigMap, no uid, no resourceVersion" PUT "$maps/m1" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m1"}}'
call "ConfigMap, no uid, a resourceVersion" PUT "$maps/m2" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m2","resourceVersion":"5"}}'

title "(1b) PUT with a wrong uid, a stale resourceVersion"
quiet x POST "$leases" "$(lease cas '' "$(spec a 0)")"
uid=$(field .metadata.uid) rv=$(field .metadata.resourceVersion)
call "wrong uid, right resourceVersion" PUT "$leases/cas" "$(lease cas ",\"uid\":\"00000000-0000-0000-0000-000000000001\",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
call "right uid, right resourceVersion" PUT "$leases/cas" "$(lease cas ",\"uid\":\"$uid\",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
call "right uid, stale resourceVersion" PUT "$leases/cas" "$(lease cas ",\"uid\":\"$uid\",\"resourceVersion\":\"$rv\"" "$(spec a 2)")"
call "resourceVersion in the future" PUT "$leases/cas" "$(lease cas ",\"resourceVersion\":\"99999999\"" "$(spec a 2)")"
call "resourceVersion that is no number" PUT "$leases/cas" "$(lease cas ",\"resourceVersion\":\"abc\"" "$(spec a 2)")"

title "(2) PUT that changes nothing"
call "GET" GET "$leases/cas"
rv=$(field .metadata.resourceVersion) same=$body
call "PUT of what was read" PUT "$leases/cas" "$same"
call "PUT of the record, stale resourceVersion, nothing changes" PUT "$leases/cas" "$(lease cas ",\"resourceVersion\":\"1\"" "$(spec a 1)")"
call "PUT of the record without metadata but a resourceVersion" PUT "$leases/cas" "$(lease cas ",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
call "GET" GET "$leases/cas"

title "(7) PUT without resourceVersion on an existing Lease"
call "no uid" PUT "$leases/cas" "$(lease cas '' "$(spec b 3)")"
call "right uid" PUT "$leases/cas" "$(lease cas ",\"uid\":\"$uid\"" "$(spec b 4)")"
call "wrong uid" PUT "$leases/cas" "$(lease cas ',"uid":"00000000-0000-0000-0000-000000000001"' "$(spec b 5)")"
call "resourceVersion 0" PUT "$leases/cas" "$(lease cas ',"resourceVersion":"0"' "$(spec b 6)")"
quiet x POST "$maps" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m1"}}'
call "ConfigMap without resourceVersion" PUT "$maps/m1" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m1"},"data":{"a":"b"}}'

title "(3) watch with an old resourceVersion, one in the future, an unreadable one"
quiet x GET "$leases/cas"
own=$(field .metadata.resourceVersion)
printf 'resourceVersion=1: '
watch 2 'resourceVersion=1'
printf 'resourceVersion=1 with fieldSelector: '
watch 2 'resourceVersion=1&fieldSelector=metadata.name%3Dcas'
printf 'the object'\''s own: '
watch 1 "resourceVersion=$own&fieldSelector=metadata.name%3Dcas"
printf 'in the future (99999999): '
watch 5 'resourceVersion=99999999'
printf 'abc: '
watch 1 'resourceVersion=abc'
call "list, resourceVersion=99999999" GET "$leases?resourceVersion=99999999"
call "get, resourceVersion=99999999" GET "$leases/cas?resourceVersion=99999999"
call "list, resourceVersion=abc" GET "$leases?resourceVersion=abc"
call "get, resourceVersion=abc" GET "$leases/cas?resourceVersion=abc"
quiet x POST "$leases" "$(lease future '' "$(spec a 0)")"
rv=$(field .metadata.resourceVersion)
# Other writers use up versions too, so the distance is a wide one.
echo "- watch from $((rv + 10)), while the object goes from $rv on by twenty writes:"
(watch 3 "fieldSelector=metadata.name%3Dfuture&resourceVersion=$((rv + 10))" >"$work/future") &
sleep 0.7
for n in {1..20}; do
	quiet x PUT "$leases/future" "$(lease future ",\"resourceVersion\":\"$rv\"" "$(spec a "$n")")"
	rv=$(field .metadata.resourceVersion)
done
wait
cat "$work/future"
printf 'in the future, with bookmarks, until timeoutSeconds=65: '
watch 70 'resourceVersion=99999999&allowWatchBookmarks=true&timeoutSeconds=65'
echo "- after a restart of the API server, whose memory of events then begins anew:"
"$cluster" restart-apiserver
printf 'resourceVersion=1: '
watch 2 'resourceVersion=1'
printf 'the stream: %s\n' "$(cat "$work/stream")"
printf "an idle object's own: "
watch 2 "resourceVersion=$own&fieldSelector=metadata.name%3Dcas"
printf 'resourceVersion=1, sendInitialEvents: '
watch 2 'resourceVersion=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dcas'

title "(4) are the headers flushed when nothing matches"
printf 'no resourceVersion, no such name: '
watch 2 'fieldSelector=metadata.name%3Dnone'
cat "$work/headers"
quiet x GET "$leases"
printf 'with a resourceVersion, no such name: '
watch 2 "resourceVersion=$(field .metadata.resourceVersion)&fieldSelector=metadata.name%3Dnone"

title "(5) watch with fieldSelector metadata.name"
printf 'no resourceVersion, the object exists: '
watch 1 'fieldSelector=metadata.name%3Dcas'
printf 'the same, allowWatchBookmarks, timeoutSeconds=3: '
watch 6 'fieldSelector=metadata.name%3Dcas&allowWatchBookmarks=true&timeoutSeconds=3'
printf 'the same, resourceVersion=0: '
watch 6 'resourceVersion=0&fieldSelector=metadata.name%3Dcas&allowWatchBookmarks=true&timeoutSeconds=3'
printf 'no such object, allowWatchBookmarks, timeoutSeconds=3: '
watch 6 'fieldSelector=metadata.name%3Dnone&allowWatchBookmarks=true&timeoutSeconds=3'
printf 'resourceVersion=0, the object exists: '
watch 1 'resourceVersion=0&fieldSelector=metadata.name%3Dcas'
for name in cas none; do
	printf 'sendInitialEvents, %s: ' "$name"
	watch 1 "fieldSelector=metadata.name%3D$name&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
	printf 'sendInitialEvents, resourceVersion=0, %s: ' "$name"
	watch 1 "fieldSelector=metadata.name%3D$name&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0"
done
printf 'sendInitialEvents without allowWatchBookmarks: '
watch 1 'fieldSelector=metadata.name%3Dcas&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
printf 'sendInitialEvents without resourceVersionMatch: '
watch 1 'fieldSelector=metadata.name%3Dcas&sendInitialEvents=true'
printf 'namespace that does not exist: '
watch 1 'fieldSelector=metadata.name%3Dcas' /apis/coordination.k8s.io/v1/namespaces/nowhere/leases
printf 'timeoutSeconds=1, how the stream ends: '
watch 5 'fieldSelector=metadata.name%3Dnone&timeoutSeconds=1'
printf 'bookmarks of an idle watch for 75 s: '
watch 75 'fieldSelector=metadata.name%3Dnone&allowWatchBookmarks=true&timeoutSeconds=70'

title "(6) POST with a resourceVersion, to a missing namespace, twice"
call "POST with resourceVersion 5" POST "$leases" "$(lease c1 ',"resourceVersion":"5"' "$(spec a 0)")"
call "POST with resourceVersion 0" POST "$leases" "$(lease c2 ',"resourceVersion":"0"' "$(spec a 0)")"
call "POST with a uid" POST "$leases" "$(lease c3 ',"uid":"00000000-0000-0000-0000-000000000001"' "$(spec a 0)")"
call "POST to a missing namespace" POST /apis/coordination.k8s.io/v1/namespaces/nowhere/leases "$(lease c1 '' "$(spec a 0)")"
call "PUT to a missing namespace" PUT /apis/coordination.k8s.io/v1/namespaces/nowhere/leases/c1 "$(lease c1 '' "$(spec a 0)")"
call "ConfigMap POST to a missing namespace" POST /api/v1/namespaces/nowhere/configmaps '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}'
call "GET in a missing namespace" GET /apis/coordination.k8s.io/v1/namespaces/nowhere/leases/c1
call "GET of a missing Lease" GET "$leases/none"
call "LIST in a missing namespace" GET /apis/coordination.k8s.io/v1/namespaces/nowhere/leases
call "POST of a name that exists" POST "$leases" "$(lease cas '' "$(spec a 0)")"

title "(8) what a Lease's spec may hold"
n=0
try() { n=$((n + 1)); call "$1" POST "$leases" "$(lease "v$n" '' "$2")"; }
try "leaseDurationSeconds 0" '{"holderIdentity":"a","leaseDurationSeconds":0}'
try "leaseDurationSeconds -1" '{"holderIdentity":"a","leaseDurationSeconds":-1}'
try "leaseDurationSeconds 1.5" '{"holderIdentity":"a","leaseDurationSeconds":1.5}'
try "leaseDurationSeconds \"15\"" '{"holderIdentity":"a","leaseDurationSeconds":"15"}'
try "leaseDurationSeconds 2147483648" '{"holderIdentity":"a","leaseDurationSeconds":2147483648}'
try "leaseTransitions -1" '{"holderIdentity":"a","leaseTransitions":-1}'
try "holderIdentity empty" '{"holderIdentity":"","leaseDurationSeconds":1}'
try "holderIdentity null" '{"holderIdentity":null,"leaseDurationSeconds":null}'
try "empty spec" '{}'
try "unknown field" '{"holderIdentity":"a","unknown":{"x":1}}'
call "unknown field, fieldValidation=Strict" POST "$leases?fieldValidation=Strict" "$(lease v10s '' '{"holderIdentity":"a","unknown":1}')"
try "strategy without preferredHolder" '{"strategy":"OldestEmulationVersion"}'
try "strategy \"\"" '{"strategy":""}'
try "preferredHolder without strategy" '{"holderIdentity":"a","preferredHolder":"b"}'
try "renewTime without fraction" '{"renewTime":"2026-01-01T00:00:00Z"}'
try "renewTime with nanoseconds" '{"renewTime":"2026-01-01T00:00:00.123456789Z"}'
try "renewTime with milliseconds" '{"renewTime":"2026-01-01T00:00:00.123Z"}'
try "renewTime with +02:00" '{"renewTime":"2026-01-01T02:00:00.000000+02:00"}'
try "renewTime that is none" '{"renewTime":"yesterday"}'
quiet x POST "$leases" "$(lease upd '' "$(spec a 0)")"
rv=$(field .metadata.resourceVersion)
call "update: holderIdentity \"\"" PUT "$leases/upd" "$(lease upd ",\"resourceVersion\":\"$rv\"" '{"holderIdentity":"","leaseDurationSeconds":1,"leaseTransitions":3}')"
rv=$(field .metadata.resourceVersion)
call "update: leaseDurationSeconds 0" PUT "$leases/upd" "$(lease upd ",\"resourceVersion\":\"$rv\"" '{"holderIdentity":"a","leaseDurationSeconds":0}')"
call "update: transitions lower than before" PUT "$leases/upd" "$(lease upd ",\"resourceVersion\":\"$rv\"" '{"holderIdentity":"a","leaseTransitions":1}')"
call "body that is no JSON" POST "$leases" '{'
call "body of another kind" POST "$leases" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"m"}}'
echo "- warnings in the answer to an unknown field:"
curl -sS --cacert "$work/ca" -H "Authorization: Bearer $token" -D - -o /dev/null -H 'Content-Type: application/json' \
	--data-binary "$(lease warned '' '{"holderIdentity":"a","unknown":1}')" "$server$leases?fieldValidation=Warn" | grep -i '^warning' || echo none

title "(9) DELETE with preconditions"
quiet x GET "$leases/cas"
uid=$(field .metadata.uid) rv=$(field .metadata.resourceVersion)
precondition() { printf '{"apiVersion":"v1","kind":"DeleteOptions","preconditions":%s}' "$1"; }
call "wrong uid" DELETE "$leases/cas" "$(precondition '{"uid":"00000000-0000-0000-0000-000000000001"}')"
echo "its details.kind: $(field .details.kind)"
call "wrong resourceVersion" DELETE "$leases/cas" "$(precondition '{"resourceVersion":"1"}')"
call "right uid, wrong resourceVersion" DELETE "$leases/cas" "$(precondition "{\"uid\":\"$uid\",\"resourceVersion\":\"1\"}")"
call "not there" DELETE "$leases/none" "$(precondition '{"uid":"00000000-0000-0000-0000-000000000001"}')"
call "both right" DELETE "$leases/cas" "$(precondition "{\"uid\":\"$uid\",\"resourceVersion\":\"$rv\"}")"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"
quiet x POST "$maps" '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"del"}}'
uid=$(field .metadata.uid)
call "ConfigMap, wrong uid" DELETE "$maps/del" "$(precondition '{"uid":"00000000-0000-0000-0000-000000000001"}')"
call "ConfigMap, right uid" DELETE "$maps/del" "$(precondition "{\"uid\":\"$uid\"}")"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"

title "(11) managedFields"
call "POST" POST "$leases?fieldManager=one" "$(lease mf ',"labels":{"l":"1"}' "$(spec a 0)")"
rv=$(field .metadata.resourceVersion)
printf 'managers: %s\n' "$(field '[.metadata.managedFields[] | .manager + ":" + .operation] | join(",")')"
call "PUT without managedFields, other manager" PUT "$leases/mf?fieldManager=two" "$(lease mf ",\"resourceVersion\":\"$rv\",\"labels\":{\"l\":\"1\"}" "$(spec b 1)")"
rv=$(field .metadata.resourceVersion)
printf 'managers: %s\n' "$(field '[.metadata.managedFields[] | .manager + ":" + .operation] | join(",")')"
call "PUT with managedFields []" PUT "$leases/mf" "$(lease mf ",\"resourceVersion\":\"$rv\",\"managedFields\":[]" "$(spec b 2)")"
printf 'managers: %s\n' "$(field '[.metadata.managedFields[]? | .manager + ":" + .operation] | join(",")')"
printf 'labels after a PUT without them: %s\n' "$(field '.metadata.labels')"
rv=$(field .metadata.resourceVersion)
call "PUT with managedFields [{}]" PUT "$leases/mf" "$(lease mf ",\"resourceVersion\":\"$rv\",\"managedFields\":[{}]" "$(spec b 3)")"
printf 'managers: %s\n' "$(field '[.metadata.managedFields[]? | .manager + ":" + .operation] | join(",")')"

title "(12) the DELETED event"
quiet x POST "$leases" "$(lease dead '' "$(spec a 0)")"
created=$(field .metadata.resourceVersion)
(watch 2 'fieldSelector=metadata.name%3Ddead' >"$work/deleted") &
sleep 0.7
quiet x DELETE "$leases/dead"
wait
printf 'created at %s\n' "$created"
cat "$work/deleted"
quiet x GET "$leases"
printf 'list afterwards: resourceVersion %s\n' "$(field .metadata.resourceVersion)"

title "(12b) the events of a Pod's removal"
pods=/api/v1/namespaces/$namespace/pods
pod() { printf '{"metadata":{"name":"%s"},"spec":{%s"containers":[{"name":"c","image":"none"}]}}' "$1" "$2"; }
quiet x POST "$pods" "$(pod nowhere '')"
rv=$(field .metadata.resourceVersion)
quiet x POST "$pods" "$(pod somewhere '"nodeName":"n",')"
quiet x DELETE "$pods/nowhere"
quiet x DELETE "$pods/somewhere"
quiet x DELETE "$pods/somewhere" '{"gracePeriodSeconds":0}'
watch 2 "resourceVersion=$rv&timeoutSeconds=1" "$pods"
jq -r '.type + " " + (.object.metadata | .name + " grace \(.deletionGracePeriodSeconds)")' "$work/stream"

title "(10) RBAC"
limited() { # NUMBER RULES-JSON
	"$cluster" user "limited-$1" >/dev/null
	kubectl apply -n "$namespace" -f - >/dev/null <<-EOF
		{"apiVersion":"v1","kind":"List","items":[
		{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"limited-$1"},"rules":$2},
		{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"limited-$1"},
		 "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"limited-$1"},
		 "subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"limited-$1"}]}]}
	EOF
	token=$(token_in "$("$cluster" user "limited-$1")")
	sleep 1 # until the authorizer's informer has seen it
}
group='"apiGroups":["coordination.k8s.io"],"resources":["leases"]'
limited 1 "[{$group,\"resourceNames\":[\"named\"],\"verbs\":[\"get\",\"list\",\"watch\",\"create\",\"update\",\"patch\",\"delete\"]}]"
echo "- limited-1: all verbs, resourceNames [named]"
call "POST of named" POST "$leases" "$(lease named '' "$(spec a 0)")"
call "PUT that creates named" PUT "$leases/named" "$(lease named '' "$(spec a 0)")"
rv=$(field .metadata.resourceVersion)
call "PUT that updates named" PUT "$leases/named" "$(lease named ",\"resourceVersion\":\"$rv\"" "$(spec a 1)")"
call "GET of named" GET "$leases/named"
call "GET of another" GET "$leases/upd"
call "LIST" GET "$leases"
call "LIST with fieldSelector" GET "$leases?fieldSelector=metadata.name%3Dnamed"
printf 'watch with fieldSelector: '
watch 1 'fieldSelector=metadata.name%3Dnamed'
printf 'watch without: '
watch 1 'resourceVersion=0'
printf 'watch of the path of the object (…/leases/named?watch=1): '
watch 1 '' "$leases/named"
jq -c '{kind, rv: .metadata.resourceVersion}' "$work/stream"
call "DELETE of named" DELETE "$leases/named"
limited 2 "[{$group,\"resourceNames\":[\"named\"],\"verbs\":[\"get\",\"watch\",\"update\"]}]"
echo "- limited-2: get, watch, update, resourceNames [named]"
call "POST" POST "$leases" "$(lease named '' "$(spec a 0)")"
call "PUT that creates" PUT "$leases/named" "$(lease named '' "$(spec a 0)")"
printf 'watch with fieldSelector, no such object: '
watch 1 'fieldSelector=metadata.name%3Dnamed'
limited 3 "[{$group,\"verbs\":[\"create\"]},{$group,\"resourceNames\":[\"named\"],\"verbs\":[\"get\",\"update\"]}]"
echo "- limited-3: create on all; get, update on [named]"
call "POST" POST "$leases" "$(lease named '' "$(spec a 0)")"
call "PUT" PUT "$leases/named" "$(lease named ",\"resourceVersion\":\"$(field .metadata.resourceVersion)\"" "$(spec a 1)")"
printf 'watch with fieldSelector: '
watch 1 'fieldSelector=metadata.name%3Dnamed'
kubectl delete lease -n "$namespace" named >/dev/null
limited 4 "[{$group,\"resourceNames\":[\"named\"],\"verbs\":[\"get\",\"create\"]}]"
echo "- limited-4: get, create on [named]"
call "PUT that creates" PUT "$leases/named" "$(lease named '' "$(spec a 0)")"
limited 5 "[{$group,\"resourceNames\":[\"named\"],\"verbs\":[\"create\",\"update\"]}]"
echo "- limited-5: create, update on [named]"
call "PUT that creates" PUT "$leases/named" "$(lease named '' "$(spec a 0)")"
call "PUT that creates another" PUT "$leases/other" "$(lease other '' "$(spec a 0)")"
call "GET" GET "$leases/named"

title "(13) 401 and 403"
call "403: a user without rights (POST, other namespace)" POST "/apis/coordination.k8s.io/v1/namespaces/default/leases" "$(lease no '' "$(spec a 0)")"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"
call "403 in a namespace that does not exist" GET "/apis/coordination.k8s.io/v1/namespaces/nowhere/leases/x"
token=wrong
call "401: a wrong token" GET "$leases/cas"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"
curl -sS --cacert "$work/ca" -H "Authorization: Bearer wrong" -D - -o /dev/null "$server$leases" | tr -d '\r' | sed '/^$/d'
printf '401 of a watch: '
watch 1 'resourceVersion=0'
token=
call "no token at all" GET "$leases/cas"
call "no token, /readyz" GET /readyz
call "no token, /version" GET /version
token=$admin

title "(14) paths that do not exist"
call "no such resource in a group" GET "/apis/coordination.k8s.io/v1/namespaces/$namespace/nothings"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"
curl -sS --cacert "$work/ca" -H "Authorization: Bearer $token" -D - -o /dev/null "$server/apis/coordination.k8s.io/v1/namespaces/$namespace/nothings" | tr -d '\r' | sed '/^$/d'
call "no such version" GET "/apis/coordination.k8s.io/v9/namespaces/$namespace/leases"
call "no such group" GET "/apis/nothing.example/v1/namespaces/$namespace/leases"
call "a method that is not there" POST "$leases/cas" '{}'
call "GET of a missing object" GET "$leases/none"
printf 'whole answer: %s\n' "$(jq -c . <<<"$body")"

title "(15) HTTP/2"
if command -v nghttp >/dev/null; then
	nghttp -nv -H "authorization: Bearer $token" "$server/version" 2>&1 | sed 's/\x1b\[[0-9;]*m//g' |
		grep -A6 'recv SETTINGS' | grep -E 'SETTINGS|=|:0' || true
fi
curl -sS --cacert "$work/ca" -H "Authorization: Bearer $token" -o /dev/null -w 'curl: HTTP/%{http_version}\n' "$server/version"
curl -sS --cacert "$work/ca" --http1.1 -H "Authorization: Bearer $token" -o /dev/null -w 'curl --http1.1: HTTP/%{http_version}\n' "$server/version"
