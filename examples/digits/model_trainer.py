"""Trains the digits through the SageMaker Python SDK, version 3: python model_trainer.py BUCKET ROLE"""
import logging
import pathlib
import sys

from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, S3DataSource, SourceCode
from sagemaker.train.distributed import Torchrun

bucket, role = sys.argv[1:]
logging.basicConfig(format="%(message)s")
logging.getLogger("sagemaker").setLevel(logging.INFO)  # shows what the workers print


def channel(name, distribution):
    return InputData(channel_name=name, data_source=S3DataSource(
        s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/digits/{name}/", s3_data_distribution_type=distribution))


trainer = ModelTrainer(
    training_image="host/python3",
    role=role,
    base_job_name="digits",
    source_code=SourceCode(source_dir=str(pathlib.Path(__file__).parent), entry_script="train.py"),
    distributed=Torchrun(),
    compute=Compute(instance_type="ml.m5.large", instance_count=2),
    hyperparameters={"epochs": 3},
)
trainer.train([channel("train", "ShardedByS3Key"), channel("test", "FullyReplicated")])
