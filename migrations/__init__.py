"""The history of the schema. Shipped with the package, so that an installed `callback` can migrate its database."""
