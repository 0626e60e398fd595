// AWS's JavaScript SDK against a server: every client is made as AWS's own examples make it, from the environment alone.
//
//     node drive.mjs BUCKET       prints what it saw as JSON; an assertion that fails ends it
import assert from "node:assert/strict";

import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import {
  AttachRolePolicyCommand, CreateAccessKeyCommand, CreatePolicyCommand, CreateRoleCommand, CreateUserCommand, GetRoleCommand, IAMClient,
  ListAttachedRolePoliciesCommand, NoSuchEntityException, paginateListRoles, PutRolePolicyCommand, PutUserPolicyCommand,
  SimulatePrincipalPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateBucketCommand, DeleteObjectsCommand, GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, NoSuchKey, paginateListObjectsV2,
  PutObjectCommand, S3Client, waitUntilObjectExists,
} from "@aws-sdk/client-s3";
import {
  AddTagsCommand, CreateTrainingJobCommand, DescribeTrainingJobCommand, ListTagsCommand, paginateListTrainingJobs, SageMakerClient,
  StopTrainingJobCommand, waitUntilTrainingJobCompletedOrStopped,
} from "@aws-sdk/client-sagemaker";
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const bucket = process.argv[2];
const s3 = new S3Client({});
const iam = new IAMClient({});
const sts = new STSClient({});
const sagemaker = new SageMakerClient({});
const logs = new CloudWatchLogsClient({});

const document = (...statements) => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const trust = (principal, ...actions) => document({ Effect: "Allow", Principal: principal, Action: actions });

async function collect(pages, name) {
  const all = [];
  for await (const page of pages) all.push(...(page[name] ?? []));
  return all;
}

async function refused(promise) {
  return promise.then(() => assert.fail("was not refused"), (error) => error);
}

async function objects() {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const put = await s3.send(new PutObjectCommand({
    Bucket: bucket, Key: "data/a ü+b.txt", Body: "hello", ContentType: "text/plain", Metadata: { colour: "red" }, Tagging: "team=vision",
  }));
  await waitUntilObjectExists({ client: s3, maxWaitTime: 10 }, { Bucket: bucket, Key: "data/a ü+b.txt" });
  const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "data/a ü+b.txt", ChecksumMode: "ENABLED" }));
  assert.equal(await got.Body.transformToString(), "hello");
  assert.equal(got.ETag, put.ETag);
  assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
  assert.deepEqual([got.ContentType, got.Metadata], ["text/plain", { colour: "red" }]);
  const { TagSet } = await s3.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: "data/a ü+b.txt" }));
  assert.deepEqual(TagSet, [{ Key: "team", Value: "vision" }]);
  const range = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "data/a ü+b.txt", Range: "bytes=1-3" }));
  assert.equal(await range.Body.transformToString(), "ell");
  const none = await refused(s3.send(new GetObjectCommand({ Bucket: bucket, Key: "data/none" })));
  assert.ok(none instanceof NoSuchKey && none.$metadata.httpStatusCode === 404, String(none));

  // lib-storage sends parts of 5 MiB side by side.
  const large = Buffer.alloc(11 << 20, "trainwarden ");
  const progress = [];
  const upload = new Upload({ client: s3, params: { Bucket: bucket, Key: "data/large", Body: large }, partSize: 5 << 20, queueSize: 3 });
  upload.on("httpUploadProgress", ({ part }) => progress.push(part));
  const { ETag } = await upload.done();
  assert.match(ETag, /^"[0-9a-f]{32}-3"$/);
  assert.deepEqual(progress.sort(), [1, 2, 3]);
  const whole = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: "data/large" }));
  assert.ok(large.equals(Buffer.from(await whole.Body.transformToByteArray())));

  // Presigned addresses work for whoever holds them, and only as they were signed.
  const writing = await getSignedUrl(s3, new PutObjectCommand({ Bucket: bucket, Key: "data/signed" }), { expiresIn: 60 });
  assert.equal((await fetch(writing, { method: "PUT", body: "by address" })).status, 200);
  const reading = await getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: "data/signed" }), { expiresIn: 60 });
  assert.equal(await (await fetch(reading)).text(), "by address");
  const forged = await fetch(reading.replace("data/signed", "data/large"));
  assert.equal(forged.status, 403);
  assert.match(await forged.text(), /<Code>SignatureDoesNotMatch<\/Code>/);

  const listed = await collect(paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket: bucket, Prefix: "data/" }), "Contents");
  const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: [{ Key: "data/signed" }, { Key: "data/large" }] } }));
  assert.equal(Deleted.length, 2);
  const gone = await refused(s3.send(new HeadObjectCommand({ Bucket: bucket, Key: "data/large" })));
  assert.equal(gone.$metadata.httpStatusCode, 404);
  return listed.map(({ Key, Size }) => [Key, Size]);
}

async function identities() {
  const caller = await sts.send(new GetCallerIdentityCommand({}));
  const roles = {};
  for (const [name, principal] of [["js-trainer", { Service: "sagemaker.amazonaws.com" }], ["js-reader", { AWS: caller.Account }]]) {
    const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: trust(principal, "sts:AssumeRole") }));
    roles[name] = Role.Arn;
  }
  const found = await iam.send(new GetRoleCommand({ RoleName: "js-trainer" }));
  assert.ok(found.Role.CreateDate instanceof Date);
  assert.equal(JSON.parse(decodeURIComponent(found.Role.AssumeRolePolicyDocument)).Statement[0].Principal.Service, "sagemaker.amazonaws.com");
  const { Policy } = await iam.send(new CreatePolicyCommand({
    PolicyName: "js-data", PolicyDocument: document(
      { Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${bucket}` },
      { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `arn:aws:s3:::${bucket}/*` }),
  }));
  await iam.send(new AttachRolePolicyCommand({ RoleName: "js-trainer", PolicyArn: Policy.Arn }));
  const { AttachedPolicies } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "js-trainer" }));
  assert.deepEqual(AttachedPolicies, [{ PolicyName: "js-data", PolicyArn: Policy.Arn }]);
  await iam.send(new PutRolePolicyCommand({
    RoleName: "js-reader", PolicyName: "read",
    PolicyDocument: document({ Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/data/*` }),
  }));
  const names = (await collect(paginateListRoles({ client: iam, pageSize: 1 }, {}), "Roles")).map(({ RoleName }) => RoleName);
  assert.ok(names.includes("js-trainer") && names.includes("js-reader"));
  const missing = await refused(iam.send(new GetRoleCommand({ RoleName: "nobody" })));
  assert.ok(missing instanceof NoSuchEntityException, String(missing));

  // A user who may assume the reader's role; what the session may do is what the simulator says.
  await iam.send(new CreateUserCommand({ UserName: "js-user" }));
  await iam.send(new PutUserPolicyCommand({
    UserName: "js-user", PolicyName: "assume", PolicyDocument: document({ Effect: "Allow", Action: "sts:AssumeRole", Resource: roles["js-reader"] }),
  }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "js-user" }));
  const user = new STSClient({ credentials: { accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey } });
  const { Credentials } = await user.send(new AssumeRoleCommand({ RoleArn: roles["js-reader"], RoleSessionName: "js" }));
  const credentials = { accessKeyId: Credentials.AccessKeyId, secretAccessKey: Credentials.SecretAccessKey, sessionToken: Credentials.SessionToken };
  const session = new STSClient({ credentials });
  assert.match((await session.send(new GetCallerIdentityCommand({}))).Arn, /:assumed-role\/js-reader\/js$/);
  const reader = new S3Client({ credentials });
  const read = await reader.send(new GetObjectCommand({ Bucket: bucket, Key: "data/a ü+b.txt" }));
  assert.equal(await read.Body.transformToString(), "hello");
  const denied = await refused(reader.send(new PutObjectCommand({ Bucket: bucket, Key: "data/x", Body: "x" })));
  assert.equal(denied.name, "AccessDenied");
  assert.match(denied.message, /assumed-role\/js-reader\/js is not authorized to perform: s3:PutObject/);
  const { EvaluationResults } = await iam.send(new SimulatePrincipalPolicyCommand({
    PolicySourceArn: roles["js-reader"], ActionNames: ["s3:GetObject", "s3:PutObject"], ResourceArns: [`arn:aws:s3:::${bucket}/data/x`],
  }));
  assert.deepEqual(EvaluationResults.map(({ EvalDecision }) => EvalDecision), ["allowed", "implicitDeny"]);
  return roles;
}

function job(name, role, script, ...inputs) {
  return new CreateTrainingJobCommand({
    TrainingJobName: name, RoleArn: role,
    AlgorithmSpecification: { TrainingImage: "host/python3", TrainingInputMode: "File", ContainerEntrypoint: ["/bin/sh", "-c", script] },
    InputDataConfig: inputs.length > 0 ? inputs : undefined,
    OutputDataConfig: { S3OutputPath: `s3://${bucket}/models` },
    ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 2, VolumeSizeInGB: 1 },
    StoppingCondition: { MaxRuntimeInSeconds: 300 },
  });
}

async function jobs(role) {
  const train = {
    ChannelName: "train", DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: `s3://${bucket}/data/`, S3DataDistributionType: "FullyReplicated" } },
  };
  const script = 'echo "$SM_CURRENT_HOST reads $(cat /opt/ml/input/data/train/a*)"; echo done > /opt/ml/model/$SM_CURRENT_HOST';
  const { TrainingJobArn } = await sagemaker.send(job("js-job", role, script, train));
  const ended = await waitUntilTrainingJobCompletedOrStopped(
    { client: sagemaker, maxWaitTime: 120, minDelay: 1, maxDelay: 1 }, { TrainingJobName: "js-job" });
  assert.equal(ended.state, "SUCCESS");
  const described = await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "js-job" }));
  assert.equal(described.TrainingJobStatus, "Completed");
  assert.ok(described.CreationTime instanceof Date && described.TrainingEndTime >= described.TrainingStartTime);
  const events = await collect(paginateFilterLogEvents({ client: logs, pageSize: 1 },
    { logGroupName: "/aws/sagemaker/TrainingJobs", logStreamNamePrefix: "js-job/", filterPattern: "reads" }), "events");

  await sagemaker.send(new AddTagsCommand({ ResourceArn: TrainingJobArn, Tags: [{ Key: "team", Value: "vision" }] }));
  assert.deepEqual((await sagemaker.send(new ListTagsCommand({ ResourceArn: TrainingJobArn }))).Tags, [{ Key: "team", Value: "vision" }]);

  await sagemaker.send(job("js-stopped", role, "sleep 600"));
  const described_at = async () => (await sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "js-stopped" }))).SecondaryStatus;
  while ((await described_at()) !== "Training") await new Promise((resolve) => setTimeout(resolve, 100));
  await sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: "js-stopped" }));
  await waitUntilTrainingJobCompletedOrStopped({ client: sagemaker, maxWaitTime: 150, minDelay: 1, maxDelay: 1 }, { TrainingJobName: "js-stopped" });

  const again = await refused(sagemaker.send(job("js-job", role, "true")));
  const unknown = await refused(sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: "none" })));
  const listed = await collect(paginateListTrainingJobs({ client: sagemaker, pageSize: 1 }, { NameContains: "js-", SortBy: "Name", SortOrder: "Ascending" }), "TrainingJobSummaries");
  return {
    model: described.ModelArtifacts.S3ModelArtifacts,
    lines: events.map(({ message }) => message).sort(),
    refusals: [again, unknown].map(({ name, message }) => [name, message]),
    listed: listed.map(({ TrainingJobName, TrainingJobStatus }) => [TrainingJobName, TrainingJobStatus]),
  };
}

const listed = await objects();
const roles = await identities();
console.log(JSON.stringify({ objects: listed, roles, jobs: await jobs(roles["js-trainer"]) }));
