// Asks @cloud-copilot/iam-simulate: one question a line of JSON in, one answer a line out: `allow`, `deny`, `implicit`, or
// `error WHY` for what it does not take. The questions are written by policy_peer (../peer.cpp).
//
//   node simulate.mjs < questions > answers        run where node_modules holds the simulator
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const require = createRequire(pathToFileURL(process.cwd() + '/'))
const { anonymousPrincipal, runSimulation } = require('@cloud-copilot/iam-simulate')

const outcomes = { Allowed: 'allow', ExplicitlyDenied: 'deny', ImplicitlyDenied: 'implicit' }
const named = (documents, name) => documents.map((policy, number) => ({ name: `${name}-${number}`, policy }))
const levels = (all, name) =>
  all.map((documents, number) => ({ orgIdentifier: `${name}-${number}`, policies: named(documents, `${name}-${number}`) }))

async function answer(question) {
  const result = await runSimulation(
    {
      request: {
        principal: question.principal ?? anonymousPrincipal,
        action: question.action,
        resource: { resource: question.resource, accountId: question.account },
        contextVariables: question.context
      },
      identityPolicies: named(question.identity, 'identity'),
      permissionBoundaryPolicies: question.boundary ? named([question.boundary], 'boundary') : undefined,
      sessionPolicy: question.session,
      serviceControlPolicies: levels(question.scp, 'scp'),
      resourceControlPolicies: levels(question.rcp, 'rcp'),
      resourcePolicy: question.policy
    },
    {}
  )
  if (result.resultType === 'error') return 'error ' + JSON.stringify(result.errors)
  const ignored = result.resultType === 'single' ? result.result.ignoredContextKeys ?? [] : []
  if (ignored.length > 0) return 'error ignored context keys: ' + ignored.join(' ')
  return outcomes[result.overallResult] ?? 'error ' + result.overallResult
}

for await (const line of createInterface({ input: process.stdin })) {
  let said
  try {
    said = await answer(JSON.parse(line))
  } catch (error) {
    said = 'error ' + String(error).replaceAll('\n', ' ')
  }
  process.stdout.write(said + '\n')
}
