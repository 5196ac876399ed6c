"""What went over the wire: kept in memory, drawn as a ladder, written as pcap and text, exported to Homer."""
