"""CloudWatch's answers as Lifeline reads them; what it does not say is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from lifeline.adapters.metrics import Metrics
from lifeline.errors import UnavailableError


def client() -> Any:
    return boto3.client(
        "cloudwatch", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def test_the_newest_age_of_each_queue_is_read_and_others_are_left_out() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as aws:
        results = [{"Id": "q1", "Values": [12.0, 40.0]}, {"Id": "q0", "Values": []}]
        aws.add_response("get_metric_data", {"MetricDataResults": results})
        assert Metrics(cloudwatch).oldest_ages(["a", "b"], 1000.0) == {"b": 12.0}


def test_no_answer_is_said() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as aws:
        aws.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(UnavailableError):
            Metrics(cloudwatch).oldest_ages(["a"], 1000.0)


def test_what_the_front_door_refused_is_summed_over_the_time() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as aws:
        aws.add_response(
            "get_metric_data",
            {"MetricDataResults": [{"Id": "q0", "Values": [3.0, 4.0]}]},
            {
                "MetricDataQueries": ANY,
                "StartTime": datetime.fromtimestamp(1000, UTC),
                "EndTime": datetime.fromtimestamp(1600, UTC),
            },
        )
        assert Metrics(cloudwatch).turned_away("api1", 1000, 1600) == 7


def test_no_data_is_nothing_refused_and_no_answer_is_unknown() -> None:
    cloudwatch = client()
    with Stubber(cloudwatch) as aws:
        aws.add_response("get_metric_data", {"MetricDataResults": [{"Id": "q0", "Values": []}]})
        assert Metrics(cloudwatch).turned_away("api1", 0, 60) == 0
        aws.add_client_error("get_metric_data", "Throttling")
        with pytest.raises(UnavailableError):
            Metrics(cloudwatch).turned_away("api1", 0, 60)
