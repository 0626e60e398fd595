"""Access for a machine-learning team: a role for SageMaker and a bucket for its data."""

import json

import pulumi
import pulumi_aws as aws

# The role that training jobs run under: SageMaker, and nobody else, can assume it.
sagemaker_role = aws.iam.Role(
    "sagemaker_role",
    assume_role_policy=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    }),
)

aws.iam.RolePolicyAttachment(
    "sagemaker_full_access",
    role=sagemaker_role.name,
    policy_arn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess",
)

# Where the training data, the checkpoints and the models live.
ml_data_bucket = aws.s3.Bucket("ml_data_bucket")

# The role may do everything with the objects of the bucket.
aws.s3.BucketPolicy(
    "ml_data_bucket_policy",
    bucket=ml_data_bucket.id,
    policy=pulumi.Output.all(ml_data_bucket.arn, sagemaker_role.arn).apply(
        lambda arns: json.dumps({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": arns[1]},
                "Action": "s3:*",
                "Resource": f"{arns[0]}/*",
            }],
        })
    ),
)

pulumi.export("sagemaker_role_arn", sagemaker_role.arn)
pulumi.export("ml_data_bucket_name", ml_data_bucket.bucket)
