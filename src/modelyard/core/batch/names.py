"""Where a task's results lie below the destination (contract §5). Pure.

infer-result/<file>_result.txt            one per input file, with the folders that it lay in
infer-result-<task>.manifest              _1, _2 … when there are many files
infer-result-<task>_failed.jsonl          rows that failed, if any did
infer-result-<task>.parts/                until the results are whole: never read by users
"""

from modelyard.domain.batch import Output

RESULTS = "infer-result"


def result_name(file: str, output: Output) -> str:
    """Of an input file, below `RESULTS`."""
    return f"{file}_result.{output.value}"


def manifest_name(task_id: str, number: int = 0) -> str:
    return f"{RESULTS}-{task_id}{f'_{number}' if number else ''}.manifest"


def failed_name(task_id: str) -> str:
    return f"{RESULTS}-{task_id}_failed.jsonl"


def parts_name(task_id: str) -> str:
    return f"{RESULTS}-{task_id}.parts"


def is_own(name: str) -> bool:
    """Whether what lies at this place below a destination was written by a task, so that it is nobody's input."""
    return name.startswith((f"{RESULTS}/", f"{RESULTS}-"))
