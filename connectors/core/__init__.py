"""What every connector is built from: ports, capabilities, options, problems, and the only HTTP and ODBC doors."""
