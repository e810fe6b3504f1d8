"""Whether a project may use a bucket. Pure."""

from modelyard.domain.texts import shown


def bucket_refusal(bucket: str, project_id: str, owner: str | None, home_project_id: str | None) -> str:
    """Why not; "" if it may. `owner`: the project that has it (None: nobody claimed it, then it is the home
    project's)."""
    if (owner or home_project_id) in {None, project_id}:
        return ""
    return f"bucket {shown(bucket)} is not one of this project: an administrator can give it to the project"
