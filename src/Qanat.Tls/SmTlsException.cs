namespace Qanat.Tls;

/// <summary>The one exception of the SM TLS library's public edge.</summary>
public sealed class SmTlsException : IOException
{
    /// <summary>Creates the exception with a typed error and a line for a person. The alert is the one the error stands for.</summary>
    public SmTlsException(SmTlsError error, string message, Exception? inner = null) : base(message, inner)
    {
        Error = error;
        Alert = error.ToAlert();
    }

    /// <summary>Creates the exception for a fatal alert that the peer sent.</summary>
    public SmTlsException(AlertDescription peerAlert, string message) : base(message)
    {
        Error = peerAlert == AlertDescription.UserCanceled ? SmTlsError.PeerCanceled : SmTlsError.PeerAlert;
        Alert = peerAlert;
    }

    /// <summary>What went wrong.</summary>
    public SmTlsError Error { get; }

    /// <summary>The alert sent to the peer; for <see cref="SmTlsError.PeerAlert"/> the alert it sent; null when there is none.</summary>
    public AlertDescription? Alert { get; }

    /// <summary>The stable code, such as <c>bad-record-mac</c>.</summary>
    public string Code => Error.ToCode();
}
