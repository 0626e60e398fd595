"""Trains the digits through the SageMaker Python SDK, version 2: python estimator.py BUCKET ROLE"""
import pathlib
import sys

from sagemaker import Session
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch
from sagemaker.session_settings import SessionSettings

bucket, role = sys.argv[1:]
# Version 2 asks S3 to encrypt the source with a KMS key unless it is told not to; the server refuses what it does not do.
session = Session(settings=SessionSettings(encrypt_repacked_artifacts=False))
estimator = PyTorch(
    image_uri="host/python3",
    role=role,
    sagemaker_session=session,
    base_job_name="digits",
    source_dir=str(pathlib.Path(__file__).parent),
    entry_point="train.py",
    instance_type="ml.m5.large",
    instance_count=2,
    hyperparameters={"epochs": 3},
)
estimator.fit({
    "train": TrainingInput(f"s3://{bucket}/digits/train/", distribution="ShardedByS3Key"),
    "test": f"s3://{bucket}/digits/test/",
})
print(estimator.model_data)
