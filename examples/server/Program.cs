// An ASP.NET Core application that has no port: partners reach it through the tunnel only.
using Qanat.Client;

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
string[] allow = (builder.Configuration["allow"] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
builder.WebHost.UseQanat("hello", allow);

WebApplication app = builder.Build();
app.MapGet("/", (HttpContext context) => $"Hello {context.GetQanatPeer()?.PeerMid}, this is {context.Request.Host}.");
await app.RunAsync();
