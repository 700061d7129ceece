"""One file per page, beside a template of the same name.

`PATH` is its address and `page` a route function that gives the template's variables. Every page needs the action
`read`.
"""
