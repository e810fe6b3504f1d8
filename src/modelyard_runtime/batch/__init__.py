"""The worker of a batch service: rows of a split in, their outcomes out, with the model in the same process.

    door       the socket: health checks, and the connection of the control plane
    wire       frames on that connection; `link`: one such connection
    rows       the bytes of a split become rows (`csv_rows`, `json_rows`, `file_rows`, `parquet_rows`)
    mapping    a row becomes a request
    predictors requests become answers; `grid`: rows of numbers, without a request for each; `over_http`
    results    answers become publications
    worker     all of it, a split at a time: reading, predicting and writing overlap

It holds no credentials and opens no file: all that it sees are the bytes that it was handed.
"""
