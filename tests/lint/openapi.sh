#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# openapi.sh [ROOT] - api/openapi.yaml is good OpenAPI 3.1, its examples are what its
# schemas say, and its problems are the front door's.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
cd "${1:-$here/../..}"

"$here/openapi/install.sh" "$here/../../build/openapi"
status=0
node "$here/openapi/lint.cjs" "$here/../../build/openapi" api/openapi.yaml || status=1
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$here/openapi/check.py" . || status=1
exit $status
