// SPDX-License-Identifier: MIT
// lint.cjs MODULES FILE - Redocly's rules over an OpenAPI description. MODULES is where
// npm put the packages. Warnings count as errors.
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const [modules, file] = process.argv.slice(2);
const { createConfig, formatProblems, getTotals, lint } = createRequire(
  path.join(path.resolve(modules), 'package.json'),
)('@redocly/openapi-core');

const rules = {
  'no-ambiguous-paths': 'error',
  'no-http-verbs-in-paths': 'off',
  'no-invalid-media-type-examples': { severity: 'error', allowAdditionalProperties: true },
  'no-invalid-parameter-examples': { severity: 'error', allowAdditionalProperties: true },
  'no-invalid-schema-examples': { severity: 'error', allowAdditionalProperties: true },
  'no-required-schema-properties-undefined': 'error',
  'no-schema-type-mismatch': 'error',
  'no-unused-components': 'error',
  'operation-4xx-response': 'off', // a page and a liveness probe refuse nothing
  'operation-tag-defined': 'error',
  'path-segment-plural': 'off',
  'scalar-property-missing-example': 'off',
  'tag-description': 'error',
};

async function main() {
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const problems = await lint({ ref: file, config });
  const totals = getTotals(problems);
  formatProblems(problems, { format: 'codeframe', totals, version: '', color: false });
  process.exitCode = totals.errors + totals.warnings > 0 ? 1 : 0;
}

main().catch((failure) => {
  console.error(failure);
  process.exitCode = 2;
});
