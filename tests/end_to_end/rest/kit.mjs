// The whole round of an ordinary client, with fhir-kit-client: prints what each step found, as JSON.
import { Client } from 'fhir-kit-client';

const [baseUrl, bearerToken, tag] = process.argv.slice(2);
const client = new Client({ baseUrl, bearerToken });
const found = {};
const matches = (bundle) => (bundle.entry ?? []).filter((entry) => entry.search.mode === 'match').length;

const organization = (name, more = {}) => ({ resourceType: 'Organization', name, ...more });
const made = await client.create({ resourceType: 'Organization', body: organization(tag) });
found.read = (await client.read({ resourceType: 'Organization', id: made.id })).name;

const partOf = { reference: `Organization/${made.id}` };
for (const number of [1, 2]) {
  await client.create({ resourceType: 'Organization', body: organization(`${tag} ${number}`, { partOf }) });
}
const searchParams = { name: tag, partof: made.id, _include: 'Organization:partof', _count: 1 };
const first = await client.search({ resourceType: 'Organization', searchParams });
const second = await client.nextPage({ bundle: first });
found.pages = [matches(first), matches(second)];
found.included = first.entry.filter((entry) => entry.search.mode === 'include').map((entry) => entry.resource.name);

const update = (version, name) =>
  client.update({
    resourceType: 'Organization',
    id: made.id,
    body: { ...made, name },
    options: { headers: { 'If-Match': `W/"${version}"` } },
  });
found.updated = (await update(1, `${tag} new`)).meta.versionId;
try {
  await update(1, 'stale');
} catch (error) {
  found.stale = [error.response.status, error.response.data.issue[0].code];
}

const jsonPatch = [{ op: 'add', path: '/active', value: true }];
found.patched = (await client.patch({ resourceType: 'Organization', id: made.id, jsonPatch })).active;

const bundle = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [{ resource: organization(tag), request: { method: 'POST', url: 'Organization' } }],
};
found.transaction = (await client.transaction({ body: bundle })).entry[0].response.status.slice(0, 3);
found.history = (await client.history({ resourceType: 'Organization', id: made.id })).entry.length;

try {
  await client.create({ resourceType: 'Organization', body: { resourceType: 'Organization', active: 'no' } });
} catch (error) {
  found.error = [error.response.status, error.response.data.issue[0].expression[0]];
}
console.log(JSON.stringify(found));
