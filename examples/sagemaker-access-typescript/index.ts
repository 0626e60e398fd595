// Access for a machine-learning team: a role for SageMaker and a bucket for its data.

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

// The role that training jobs run under: SageMaker, and nobody else, can assume it.
const sagemakerRole = new aws.iam.Role("sagemaker_role", {
    assumeRolePolicy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{
            Effect: "Allow",
            Principal: { Service: "sagemaker.amazonaws.com" },
            Action: "sts:AssumeRole",
        }],
    }),
});

new aws.iam.RolePolicyAttachment("sagemaker_full_access", {
    role: sagemakerRole.name,
    policyArn: "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
});

// Where the training data, the checkpoints and the models live.
const mlDataBucket = new aws.s3.Bucket("ml_data_bucket");

// The role may do everything with the objects of the bucket.
new aws.s3.BucketPolicy("ml_data_bucket_policy", {
    bucket: mlDataBucket.id,
    policy: pulumi.all([mlDataBucket.arn, sagemakerRole.arn]).apply(([bucketArn, roleArn]) => JSON.stringify({
        Version: "2012-10-17",
        Statement: [{
            Effect: "Allow",
            Principal: { AWS: roleArn },
            Action: "s3:*",
            Resource: `${bucketArn}/*`,
        }],
    })),
});

export const sagemaker_role_arn = sagemakerRole.arn;
export const ml_data_bucket_name = mlDataBucket.bucket;
