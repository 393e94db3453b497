"""From recordings to a link: the ZIP, the page, the publication."""
