"""What a kernel looks like: its IR, assembly, cycles and memories, as one page of HTML and as text.

`page` puts the page together; `levels`, `cycles`, `memories` and `mask_grid` each find one part of
what it shows, as plain data. To be imported from: `page.html_page`, `cycles`, `memories`.
"""
