"""SQL, migrations, the durable journal and every row that outlives a call."""
