"""The only place with SQL: schema, migrations, and one module of queries for each aggregate."""
