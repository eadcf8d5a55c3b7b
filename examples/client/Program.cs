// Calls a partner's service through the tunnel:
//   qanat-sample-client HUB-URL HUB-MID STATE-FOLDER file:TOKEN-FILE URL...
using Qanat.Client;
using Qanat.Client.Http;
using Qanat.Tunnel;

if (args.Length < 5)
{
    Console.Error.WriteLine("usage: qanat-sample-client HUB-URL HUB-MID STATE-FOLDER file:TOKEN-FILE|- URL...");
    return 2;
}

QanatOptions options = new()
{
    Name = "sample-client",
    Hubs = { new QanatHub { Url = args[0], Mid = args[1] } },
    StateFolder = args[2],
    EnrolmentToken = args[3] == "-" ? null : args[3],
};
try
{
    await using QanatParticipant participant = await QanatParticipant.StartAsync(options);
    using HttpClient http = participant.CreateHttpClient();
    Console.Error.WriteLine($"Here is {participant.Mid}.");
    foreach (string url in args.Skip(4))
    {
        Console.WriteLine(await http.GetStringAsync(url));
    }
    return 0;
}
catch (HttpRequestException e) when (e.GetTunnelError() != TunnelError.None)
{
    Console.Error.WriteLine($"error {TunnelException.ToCode(e.GetTunnelError())}: {e.Message}");
    return 1;
}
catch (TunnelException e)
{
    Console.Error.WriteLine($"error {e.Code}: {e.Message}");
    return 1;
}
