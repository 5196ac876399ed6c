"""Programs that are not the switch, driven from Python, and the means to judge what they said and heard.

SIPp, baresip and pyVoIP are run as they are; `sip_party` and `rtp_party` are written from the RFCs without a line of
the product, so that an error of ours cannot hide behind itself.
"""
