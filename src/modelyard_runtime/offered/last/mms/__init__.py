"""`mms.model_service.…`, as scripts of the older MXNet runtime import it."""
