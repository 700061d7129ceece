"""One wire dialect per file: pure translation between our vocabulary and a vendor's, no I/O.

What a long one is made of lies in a folder of its name, with an underscore before it. What several share lies
beside them: requests and keys (`_wire`, `_fields`), what comes back (`_reading`, `_sse`, `_counts`, `_faults`), and
what vendors ask of a conversation (`_alternating`, `_arguments`, `_content_blocks`, `_answer_tool`, `_instruction`,
`_prompt_cache`).
"""
