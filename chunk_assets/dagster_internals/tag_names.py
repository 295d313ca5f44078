"""The run tags that Dagster itself reads and writes; `test_private_api` compares them with it."""

PARTITION = "dagster/partition"
RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"

BACKFILL = "dagster/backfill"
ROOT_BACKFILL = "dagster/root_backfill_id"
"""Tag of the first of the backfills that this one retries."""

PRIORITY = "dagster/priority"
MAX_RETRIES = "dagster/max_retries"
RETRY_FAILURES = "dagster/retry_on_asset_or_op_failure"
WILL_RETRY = "dagster/will_retry"
